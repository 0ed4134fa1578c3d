// Who is there when: a ruler, a row for each person, and one cursor over them and the plot. All
// of them show the same window of the clip's time.

function fitted(canvas) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2), wide = canvas.clientWidth, high = canvas.clientHeight;
  Object.assign(canvas, {width: Math.max(1, Math.round(wide * ratio)), height: Math.max(1, Math.round(high * ratio))});
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.font = "11px system-ui, sans-serif";
  return {pen, wide, high};
}

// A round number of seconds, pixels apart or a little more.
function stepFor(seconds, pixels, apart) {
  const steps = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
  return steps.find((step) => (step / seconds) * pixels >= apart) || 7200;
}

function clockText(seconds, digits) {
  const minutes = Math.floor(seconds / 60), rest = (seconds - 60 * minutes).toFixed(digits);
  return minutes ? `${minutes}:${rest.padStart(digits ? 3 + digits : 2, "0")}` : `${rest}`;
}

function makeTimeline(clip, clock, theme, seekTo) {
  const find = (id) => document.getElementById(id);
  const root = find("timeline"), cursor = find("cursor"), ruler = find("ruler"), scrub = find("scrub");
  const begin = clip.times[0], finish = clip.times[clip.last] + clip.secondsOf(clip.last);
  const timeline = {from: begin, to: finish, drawn: []};
  const rows = clip.people.map((person) => makeRow(person));
  scrub.max = clip.last;

  // A time of the clip to pixels of a track that wide, and back.
  timeline.x = (time, wide) => ((time - timeline.from) / (timeline.to - timeline.from)) * wide;
  timeline.time = (x, wide) => timeline.from + (x / wide) * (timeline.to - timeline.from);
  timeline.middle = (t) => clip.times[t] + clip.secondsOf(t) / 2;

  function makeRow(person) {
    const row = document.createElement("div"), label = document.createElement("label"), box = document.createElement("input");
    const name = document.createElement("span"), track = document.createElement("div");
    const canvas = document.createElement("canvas");
    row.className = "row person";
    label.className = "gutter";
    track.className = "track";
    Object.assign(box, {type: "checkbox", checked: true});
    box.setAttribute("aria-label", `Show person ${person.id}`);
    name.textContent = person.name;
    const told = person.doubts.map((doubt) => doubt.text).join("\n");
    if (told) {
      label.title = told;
      name.className = "doubted";
    }
    canvas.setAttribute("aria-hidden", "true");
    box.addEventListener("change", () => { person.shown = box.checked; row.classList.toggle("off", !box.checked); timeline.shownChanged(); });
    label.append(box, name);
    track.append(canvas);
    row.append(label, track);
    find("people").append(row);
    return {person, box, canvas};
  }
  timeline.shownChanged = () => {};

  function stretches(person, marked) {
    const found = [];
    for (let t = person.first; t <= person.last; t += 1) {
      if (!marked(t)) continue;
      const last = found[found.length - 1];
      if (last && last[1] === t - 1) last[1] = t; else found.push([t, t]);
    }
    return found;
  }

  function drawRow({person, box, canvas}) {
    const {pen, wide, high} = fitted(canvas), colours = theme.colours, own = theme.of(person);
    box.style.accentColor = own;
    const span = ([first, last]) => {
      const left = timeline.x(clip.times[first], wide), right = timeline.x(clip.times[last] + clip.secondsOf(last), wide);
      return [left, Math.max(right - left, 1.5)];
    };
    const [left, width] = span([person.first, person.last]), top = high / 2 - 4.5;
    pen.save();
    pen.beginPath();
    if (pen.roundRect) pen.roundRect(left, top, width, 9, 4.5); else pen.rect(left, top, width, 9);
    pen.clip();
    pen.fillStyle = own;
    pen.globalAlpha = theme.dark ? 0.85 : 0.9;
    pen.fillRect(left, top, width, 9);
    pen.globalAlpha = 1;
    for (const part of person.filled) { // nobody was seen there
      const [x, w] = span(part);
      pen.save();
      pen.beginPath();
      pen.rect(x, top, w, 9);
      pen.clip();
      pen.fillStyle = theme.dark ? "#1b1f27" : "#ffffff";
      pen.globalAlpha = 0.82;
      pen.fillRect(x, top, w, 9);
      pen.globalAlpha = 1;
      pen.strokeStyle = own;
      pen.lineWidth = 1.3;
      pen.beginPath();
      for (let s = Math.floor(x / 5) * 5 - 10; s < x + w + 10; s += 5) { pen.moveTo(s, top + 9); pen.lineTo(s + 9, top); }
      pen.stroke();
      pen.restore();
    }
    pen.restore();
    pen.fillStyle = colours.ink;
    for (const doubt of person.doubts) {
      for (const part of doubt.frames) {
        const [x, w] = span(part);
        pen.fillRect(x, top + 11, Math.max(w, 2), 2);
      }
    }
  }
  clip.people.forEach((person) => { person.filled = stretches(person, (t) => !clip.wasSeen(person, t)); });

  function drawRuler() {
    const {pen, wide, high} = fitted(ruler), colours = theme.colours, length = timeline.to - timeline.from;
    if (clock.from > 0 || clock.to < clip.last) {
      const left = timeline.x(clip.times[clock.from], wide), right = timeline.x(clip.times[clock.to] + clip.secondsOf(clock.to), wide);
      pen.fillStyle = theme.dark ? "rgba(56, 176, 255, 0.28)" : "rgba(10, 120, 200, 0.2)";
      pen.fillRect(left, 0, right - left, high);
      pen.fillStyle = colours.right;
      pen.fillRect(left, 0, 2, high);
      pen.fillRect(right - 2, 0, 2, high);
    }
    const step = stepFor(length, wide, 62), digits = step < 1 ? 1 + Number(step < 0.1) : 0;
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    for (let n = Math.ceil(timeline.from / step - 1e-9); n * step <= timeline.to; n += 1) {
      const x = timeline.x(n * step, wide);
      pen.fillStyle = colours.muted;
      pen.fillRect(Math.round(x), high - 7, 1, 7);
      const words = clockText(n * step, digits);
      if (x + pen.measureText(words).width + 6 < wide) pen.fillText(words, x + 4, high / 2 - 1);
      for (let part = 1; part < 5; part += 1) {
        pen.globalAlpha = 0.55;
        pen.fillRect(Math.round(timeline.x((n + part / 5) * step, wide)), high - 4, 1, 4);
        pen.globalAlpha = 1;
      }
    }
  }

  timeline.draw = () => {
    rows.forEach(drawRow);
    drawRuler();
    timeline.drawn.forEach((follower) => follower());
    timeline.point();
  };
  timeline.point = () => {
    const track = ruler.parentElement, wide = track.clientWidth;
    const x = timeline.x(timeline.middle(clock.frame), wide);
    cursor.hidden = x < -1 || x > wide + 1;
    cursor.style.transform = `translateX(${track.offsetLeft + x}px)`;
  };
  timeline.drawRuler = drawRuler;

  // The window of time.
  const whole = finish - begin, shortest = Math.min(whole, Math.max(10 / clip.fps, 0.3));
  timeline.setWindow = (from, length) => {
    const size = Math.max(shortest, Math.min(whole, length));
    timeline.from = Math.max(begin, Math.min(finish - size, from));
    timeline.to = timeline.from + size;
    find("zoom-out").disabled = size >= whole * 0.999;
    find("zoom-in").disabled = size <= shortest * 1.001;
    timeline.draw();
  };
  timeline.zoom = (factor, about = timeline.middle(clock.frame)) => {
    const length = timeline.to - timeline.from, share = Math.max(0, Math.min(1, (about - timeline.from) / length));
    const size = Math.max(shortest, Math.min(whole, length * factor));
    timeline.setWindow(about - share * size, size);
  };
  timeline.keepInView = () => {
    const time = timeline.middle(clock.frame), length = timeline.to - timeline.from;
    if (time < timeline.from || time > timeline.to) timeline.setWindow(time - length * 0.1, length);
    else timeline.point();
  };

  // A finger or mouse on any track moves the cursor.
  function frameUnder(event) {
    const edges = ruler.parentElement.getBoundingClientRect();
    return clip.frameAt(timeline.time(event.clientX - edges.left, edges.width));
  }
  let held = false;
  root.addEventListener("pointerdown", (event) => {
    if (event.button || !event.target.closest(".track")) return;
    held = true;
    root.setPointerCapture(event.pointerId);
    seekTo(frameUnder(event));
  });
  root.addEventListener("pointermove", (event) => { if (held) seekTo(frameUnder(event)); });
  for (const what of ["pointerup", "pointercancel"]) root.addEventListener(what, () => { held = false; });
  root.addEventListener("wheel", (event) => {
    if (!event.target.closest("#ruler-row .track, #plot-row .track")) return;
    event.preventDefault();
    const edges = ruler.parentElement.getBoundingClientRect(), length = timeline.to - timeline.from;
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) timeline.setWindow(timeline.from + (event.deltaX / edges.width) * length, length);
    else timeline.zoom(Math.exp(event.deltaY * 0.0016), timeline.time(event.clientX - edges.left, edges.width));
  }, {passive: false});
  return timeline;
}
