// Buttons, choices and keys.

const SPEEDS = [0.1, 0.25, 0.5, 1, 2];
const TRAILS = [
  ["No trails", []], ["Trails: hips", ["hip"]], ["Trails: hands", ["left_wrist", "right_wrist"]],
  ["Trails: feet", ["left_ankle", "right_ankle"]], ["Trails: head", ["head"]],
];

function makeControls(clip, clock, overlay, scene, timeline, redrawFilm) {
  const find = (id) => document.getElementById(id), click = (id, action) => find(id).addEventListener("click", action);
  const say = (words) => { find("said").textContent = words; };

  // Playing.
  click("play", clock.toggle);
  click("back", () => clock.step(-1));
  click("on", () => clock.step(1));
  click("to-start", () => { clock.pause(); clock.go(clock.from); });
  click("loop", () => clock.setLoop(!clock.loop));
  click("loop-from", () => clock.setStretch(clock.frame, clock.frame >= clock.to ? clip.last : clock.to));
  click("loop-to", () => clock.setStretch(clock.frame <= clock.from ? 0 : clock.from, clock.frame));
  click("loop-all", () => clock.setStretch(0, clip.last));
  click("zoom-in", () => timeline.zoom(1 / 1.6));
  click("zoom-out", () => timeline.zoom(1.6));
  find("speed").addEventListener("change", (event) => clock.setRate(Number(event.target.value)));
  find("scrub").addEventListener("input", (event) => { clock.pause(); clock.go(Number(event.target.value)); });
  const faster = (steps) => {
    const rate = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, SPEEDS.indexOf(clock.rate) + steps))];
    clock.setRate(rate);
  };

  const timeOf = (t) => clockText(clip.times[t], 2);
  clock.on("frame", () => {
    const t = clock.frame;
    find("time").textContent = `${timeOf(t)}${clip.times[t] < 60 ? " s" : ""} · ${t}`;
    find("scrub").value = t;
    find("scrub").setAttribute("aria-valuetext", `${timeOf(t)} seconds, frame ${t} of 0 to ${clip.last}`);
  });
  let wasPlaying = false;
  clock.on("state", () => {
    document.body.classList.toggle("playing", clock.playing);
    find("play").setAttribute("aria-label", clock.playing ? "Pause" : "Play");
    find("loop").setAttribute("aria-pressed", String(clock.loop));
    find("loop-all").disabled = clock.from === 0 && clock.to === clip.last;
    find("speed").value = String(clock.rate);
    timeline.drawRuler();
    if (wasPlaying && !clock.playing) say(`Paused at ${timeOf(clock.frame)} seconds, frame ${clock.frame}`);
    wasPlaying = clock.playing;
  });

  // On the video.
  const check = (id, action) => find(id).addEventListener("change", (event) => action(event.target.checked));
  check("show-bones", (on) => { overlay.bones = on; redrawFilm(); });
  check("show-names", (on) => {
    overlay.names = on;
    redrawFilm();
    if (scene) { scene.names = on; scene.render(); }
  });
  check("sound", (on) => { find("video").muted = !on; });

  // In 3D.
  const views = [...document.querySelectorAll("[data-view]")];
  const follow = find("follow"), trails = find("trails");
  follow.append(new Option("Follow nobody", "none"), new Option("Follow everybody", "all"), ...clip.people.map((p) => new Option(`Follow person ${p.id}`, String(p.id))));
  TRAILS.forEach(([name, joints], i) => { if (joints.every((j) => clip.solid.joints.includes(j))) trails.append(new Option(name, String(i))); });
  const whom = (value) => (value === "none" || value === "all" ? value : Number(value));
  if (scene) {
    views.forEach((button) => button.addEventListener("click", () => scene.look(button.dataset.view)));
    scene.changed = () => views.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.view === scene.name)));
    document.querySelector("[data-view=camera]").disabled = !clip.camera;
    follow.value = String(scene.follow);
    follow.addEventListener("change", () => scene.setFollow(whom(follow.value)));
    trails.addEventListener("change", () => { scene.figures.trails = TRAILS[Number(trails.value)][1]; scene.show(clock.frame); });
    find("solid").addEventListener("keydown", (event) => {
      const turns = {ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, 0.12], ArrowDown: [0, -0.12]}[event.key];
      const zoom = {"+": 0.85, "=": 0.85, "-": 1.18}[event.key];
      if (turns) scene.turn(...turns); else if (zoom) scene.zoom(zoom); else return;
      event.preventDefault();
      event.stopPropagation();
    });
  } else {
    [...views, follow, trails].forEach((control) => { control.disabled = true; });
  }
  const followNext = () => {
    if (!scene) return;
    follow.selectedIndex = (follow.selectedIndex + 1) % follow.options.length;
    scene.setFollow(whom(follow.value));
    say(follow.selectedOptions[0].textContent);
  };

  // Help and files.
  const help = find("help");
  click("help-open", () => help.showModal());
  help.addEventListener("click", (event) => { if (event.target === help) help.close(); });
  document.addEventListener("click", (event) => { if (!event.target.closest("#files")) find("files").open = false; });

  // Keys. What a mouse or finger pressed does not keep the space bar to itself.
  document.addEventListener("click", (event) => {
    const pressed = event.detail && event.target.closest("button, summary, label, input[type=checkbox]");
    if (pressed && document.activeElement && pressed.contains(document.activeElement)) document.activeElement.blur();
  });
  const tick = (id) => find(id).click();
  const keys = {
    " ": clock.toggle, k: clock.toggle, l: () => tick("loop"), "[": () => tick("loop-from"), "]": () => tick("loop-to"),
    Backspace: () => tick("loop-all"), Home: () => { clock.pause(); clock.go(0); }, End: () => { clock.pause(); clock.go(clip.last); },
    f: followNext, s: () => tick("show-bones"), n: () => tick("show-names"), ",": () => faster(-1), ".": () => faster(1),
    x: () => timeline.zoom(1 / 1.6), z: () => timeline.zoom(1.6), "?": () => help.showModal(),
  };
  views.forEach((button, i) => { keys[String(i + 1)] = () => button.click(); });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    const target = event.target, key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (target.closest("select, dialog")) return;
    if (key === " " && target.closest("button, summary, a, input[type=checkbox]")) return; // it presses that
    const arrow = {ArrowLeft: -1, ArrowRight: 1}[key];
    if (arrow) clock.step(arrow * (event.shiftKey ? 10 : 1));
    else if (keys[key]) keys[key]();
    else return;
    event.preventDefault();
  });
}
