// One measure of everybody, or of one person, under the timeline.

function makePlots(clip, clock, timeline, theme) {
  const find = (id) => document.getElementById(id);
  const canvas = find("plot"), what = find("measure"), whose = find("whose"), legend = find("values");
  const measures = measuresOf(clip), plots = {measures};
  let group = null;
  measures.forEach((measure, i) => {
    if (!group || group.label !== measure.group) {
      group = document.createElement("optgroup");
      group.label = measure.group;
      what.append(group);
    }
    group.append(new Option(`${measure.group === "Angle" ? "" : `${measure.group}: `}${measure.name}`, String(i)));
  });
  whose.append(new Option("Everybody", "all"), ...clip.people.map((person) => new Option(person.name, String(person.id))));

  if (clip.people.length > 4) whose.value = String(clip.people[0].id); // more are a tangle
  const chosen = () => measures[Number(what.value)] || measures[0];
  const people = () => clip.people.filter((p) => (whose.value === "all" ? p.shown : String(p.id) === whose.value));
  // Alone, somebody's sides have the body's colours; among others the person's, the right dashed.
  function styleOf(person, line, alone) {
    if (alone && line.side !== "centre") return {colour: theme.colours[line.side], dash: []};
    return {colour: theme.of(person), dash: line.side === "right" ? [5, 3] : []};
  }

  // The least and the most that is in the window, with some air.
  function rangeOf(measure, shown) {
    let low = measure.unit === "°" || measure.group === "Speed" ? 0 : Infinity, high = -Infinity;
    const first = clip.frameAt(timeline.from), last = clip.frameAt(timeline.to);
    for (const person of shown) {
      for (const line of measure.lines) {
        const values = line.values(person);
        for (let t = Math.max(first, person.first); t <= Math.min(last, person.last); t += 1) {
          if (values[t] < low) low = values[t];
          if (values[t] > high) high = values[t];
        }
      }
    }
    if (!(high > -Infinity)) return [0, 1];
    if (measure.group === "Height") low = Math.min(low, 0);
    const least = measure.unit === "°" ? 30 : 0.2;
    return [low, Math.max(high + (high - low) * 0.06, low + least)];
  }

  // Where nobody was seen the line is faint. Many frames to a pixel are drawn as what they span.
  function drawLine(pen, line, person, wide, y) {
    const values = line.values(person);
    const first = Math.max(person.first, clip.frameAt(timeline.from) - 1), last = Math.min(person.last, clip.frameAt(timeline.to) + 1);
    const x = (t) => timeline.x(timeline.middle(t), wide);
    if ((last - first) / wide > 4) { drawDense(pen, values, first, last, x, y); return; }
    for (const seen of [true, false]) {
      pen.globalAlpha = seen ? 1 : 0.4;
      pen.beginPath();
      let on = false;
      for (let t = first + 1; t <= last; t += 1) {
        const both = clip.wasSeen(person, t) && clip.wasSeen(person, t - 1);
        if (both !== seen || Number.isNaN(values[t - 1] + values[t])) { on = false; continue; }
        if (!on) pen.moveTo(x(t - 1), y(values[t - 1]));
        pen.lineTo(x(t), y(values[t]));
        on = true;
      }
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }
  function drawDense(pen, values, first, last, x, y) {
    pen.setLineDash([]);
    pen.beginPath();
    let column = -1, low = 0, high = 0;
    for (let t = first; t <= last + 1; t += 1) {
      const at = t <= last ? Math.round(x(t)) : -2;
      if (at !== column) {
        if (column >= 0) { pen.moveTo(column, y(low) + 0.6); pen.lineTo(column, y(high) - 0.6); }
        [column, low, high] = [at, Infinity, -Infinity];
      }
      if (values[t] < low) low = values[t];
      if (values[t] > high) high = values[t];
    }
    pen.globalAlpha = 0.75;
    pen.stroke();
    pen.globalAlpha = 1;
  }

  plots.draw = () => {
    const {pen, wide, high} = fitted(canvas), measure = chosen(), shown = people(), colours = theme.colours;
    const [low, most] = rangeOf(measure, shown), top = 8, bottom = high - 8;
    const y = (value) => bottom - ((value - low) / (most - low)) * (bottom - top);
    const steps = measure.unit === "°" ? [10, 15, 30, 45, 60, 90] : [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50];
    const step = steps.find((s) => (s / (most - low)) * (bottom - top) >= 24) || steps[steps.length - 1] * 2;
    for (let n = Math.ceil(low / step); n * step <= most; n += 1) {
      pen.fillStyle = colours.line;
      pen.fillRect(0, Math.round(y(n * step)), wide, 1);
    }
    pen.lineWidth = 1.75;
    pen.lineJoin = "round";
    for (const person of shown) {
      for (const line of measure.lines) {
        const {colour, dash} = styleOf(person, line, shown.length === 1);
        pen.strokeStyle = colour;
        pen.setLineDash(dash);
        drawLine(pen, line, person, wide, y);
      }
    }
    pen.setLineDash([]);
    pen.textBaseline = "bottom";
    pen.textAlign = "left";
    for (let n = Math.ceil(low / step); n * step <= most; n += 1) {
      const words = `${(n * step).toFixed(step < 0.1 ? 2 : step < 1 ? 1 : 0)} ${measure.unit}`.replace(" °", "°");
      if (y(n * step) < top + 8) continue;
      pen.strokeStyle = theme.dark ? "#171a20" : "#ffffff";
      pen.lineWidth = 3;
      pen.strokeText(words, 4, y(n * step) - 1);
      pen.fillStyle = colours.muted;
      pen.fillText(words, 4, y(n * step) - 1);
    }
    canvas.setAttribute("aria-label", `Plot of ${measure.group.toLowerCase()}, ${measure.name.toLowerCase()}, of ${shown.map((p) => p.name.toLowerCase()).join(", ") || "nobody"}`);
    list(measure, shown);
  };

  // The values at the cursor, person by person.
  let cells = [];
  function list(measure, shown) {
    cells = [];
    legend.replaceChildren(...shown.map((person) => {
      const line = document.createElement("p"), name = document.createElement("span");
      name.className = "who";
      name.textContent = shown.length > 1 ? String(person.id) : "";
      name.style.background = theme.of(person);
      if (shown.length > 1) line.append(name);
      for (const part of measure.lines) {
        const cell = document.createElement("span"), mark = document.createElement("b"), text = document.createElement("span");
        const {colour, dash} = styleOf(person, part, shown.length === 1);
        mark.style.borderTop = `2px ${dash.length ? "dashed" : "solid"} ${colour}`;
        cell.title = part.side === "centre" ? measure.name : `${measure.name}, ${part.side}`;
        cell.append(mark, text);
        line.append(cell);
        cells.push({person, part, text, measure});
      }
      return line;
    }));
    plots.point();
  }
  plots.point = () => {
    for (const {person, part, text, measure} of cells) {
      const value = part.values(person)[clock.frame];
      const side = part.side === "centre" ? "" : part.side === "left" ? "L " : "R ";
      text.textContent = side + (Number.isNaN(value) ? "–" : `${value.toFixed(measure.digits)}${measure.unit === "°" ? "°" : ` ${measure.unit}`}`);
    }
  };
  what.addEventListener("change", plots.draw);
  whose.addEventListener("change", plots.draw);
  timeline.drawn.push(plots.draw);
  return plots;
}
