// What happens now: frames come by a WebSocket, each with its picture and its people.

const ROOM = {min: [-5, 0], max: [5, 12]}, USUAL = [[-1.5, 2.5], [1.5, 2.5], [-1.5, 5], [1.5, 5]];
const OUT_M = 0.8; // so far out of what is framed somebody may go

function liveClip(told) {
  const flat = told.flat.joints.length, solid = told.solid.joints.length;
  const people = Array.from({length: told.most}, (_, index) => ({
    index, id: index + 1, name: "", shown: false, there: false, first: 0, last: 0, count: 1, scale: 1,
    points: new Float32Array(2 * flat), places: new Float32Array(3 * solid), marks: new Uint8Array(flat), seen: [1],
  }));
  const clip = {...told, people, width: 640, height: 360, fps: 30, frames: 1, last: 0, times: [0], pixel: 1, metre: 1, camera: null, path: null};
  clip.isThere = (person) => person.there;
  clip.wasSeen = (person) => person.seen[0] === 1;
  clip.place = (person, t, joint, vector) => vector.fromArray(person.places, 3 * joint);
  clip.frameAt = () => 0;
  people.forEach((person) => { person.way = () => [person.places[0], person.places[1]]; });
  const there = () => people.filter((person) => person.there);
  clip.room = {...ROOM, spots: () => {
    const found = there().flatMap((person) => [[-1, 0], [1, 0], [0, -1], [0, 1]].map(([x, y]) => [person.places[0] + x * OUT_M, person.places[1] + y * OUT_M]));
    return found.length ? found : USUAL;
  }};

  // Whoever was there keeps the place in the table.
  clip.take = (frame) => {
    const ids = new Set(frame.people.map((person) => person.id));
    people.forEach((person) => { person.there = person.shown = person.there && ids.has(person.id); });
    let changed = false;
    for (const now of frame.people) {
      let person = people.find((other) => other.there && other.id === now.id);
      if (!person) {
        person = people.find((other) => !other.there);
        if (!person) continue; // more than are shown
        Object.assign(person, {id: now.id, name: `Person ${now.id}`, there: true, shown: true});
        changed = true;
      }
      person.points.set(now.xy.flat());
      person.places.set(now.world.flat());
      person.seen[0] = now.seen ? 1 : 0;
      person.marks.set(now.confidence.map((sure) => Math.round(sure * CONFIDENCE_STEPS) + (now.seen ? 0 : FILLED)));
    }
    Object.assign(clip, {width: frame.width, height: frame.height});
    return changed;
  };
  return clip;
}

function main() {
  const find = (id) => document.getElementById(id), theme = makeTheme();
  const clip = liveClip(JSON.parse(find("table").textContent)), video = find("video"), pen = video.getContext("2d");
  const overlay = makeOverlay(clip, find("overlay"), theme);
  let scene = null, framed = null, shape = 0;
  try {
    scene = makeScene(clip, find("solid"), find("labels"), find("finder"), theme);
  } catch (error) {
    find("no-solid").hidden = false;
    find("no-solid").textContent = "This browser shows no 3D (WebGL 2 is off or missing).";
  }
  const tell = (words) => { find("no-film").hidden = !words; find("no-film").textContent = words; };

  function layOut() {
    const room = find("film-view"), box = find("film"), ratio = clip.width / clip.height;
    const wide = Math.min(room.clientWidth, room.clientHeight * ratio);
    Object.assign(box.style, {width: `${wide}px`, height: `${wide / ratio}px`});
    Object.assign(video.style, {width: `${wide}px`, height: `${wide / ratio}px`, transform: "translate(-50%, -50%)"});
    document.body.style.setProperty("--shape", String(ratio));
    document.body.classList.toggle("upright", ratio < 1);
    overlay.draw(0);
  }

  // The view stays where it is until somebody leaves it.
  function keepFramed() {
    if (!scene || !scene.name) return;
    const spots = clip.room.spots(), sides = [0, 1].map((i) => [Math.min(...spots.map((s) => s[i])), Math.max(...spots.map((s) => s[i]))]);
    const out = !framed || sides.some(([low, high], i) => low < framed[i][0] - OUT_M || high > framed[i][1] + OUT_M);
    if (out) {
      framed = sides;
      scene.look(scene.name);
    }
  }

  const [hip, knee] = ["left_hip", "left_knee"].map((joint) => clip.solid.joints.indexOf(joint));
  const a = new THREE.Vector3(), z = new THREE.Vector3();
  function measure(person) {
    if (hip < 0 || knee < 0) return;
    const thigh = clip.place(person, 0, hip, a).distanceTo(clip.place(person, 0, knee, z));
    person.scale = Math.min(1.6, Math.max(0.4, thigh / THIGH_M));
  }

  const arrivals = [];
  function tellFacts(frame) {
    arrivals.push(performance.now());
    while (arrivals.length > 2 && arrivals[0] < arrivals[arrivals.length - 1] - 2000) arrivals.shift();
    const seconds = (arrivals[arrivals.length - 1] - arrivals[0]) / 1000, count = frame.people.length;
    find("facts").textContent = [
      `${count} ${count === 1 ? "person" : "people"}`, seconds > 0 ? `${((arrivals.length - 1) / seconds).toFixed(0)} frames a second` : "",
      `${Math.round(frame.age_ms)} ms old`, `${frame.dropped} dropped`, frame.settled ? "" : "finding which way is up",
    ].filter(Boolean).join(" · ");
  }

  async function show(bytes) {
    const length = new DataView(bytes).getUint32(0, true);
    const frame = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length)));
    const picture = await createImageBitmap(new Blob([new Uint8Array(bytes, 4 + length)], {type: "image/jpeg"}));
    const changed = clip.take(frame);
    if (video.width !== picture.width || video.height !== picture.height) Object.assign(video, {width: picture.width, height: picture.height});
    pen.drawImage(picture, 0, 0);
    picture.close();
    if (shape !== clip.width / clip.height) {
      shape = clip.width / clip.height;
      layOut();
    }
    clip.people.forEach((person) => { if (person.there) measure(person); });
    overlay.draw(0);
    if (scene) {
      if (changed) scene.paint();
      keepFramed();
      scene.show(0);
    }
    tell("");
    tellFacts(frame);
    live.frame = frame.frame;
    live.shown += 1;
    document.body.dataset.ready = "yes";
  }

  const views = [...document.querySelectorAll("[data-view]")];
  views.forEach((button) => { button.disabled = !scene; button.addEventListener("click", () => { framed = null; scene.look(button.dataset.view); }); });
  if (scene) scene.changed = () => views.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.view === scene.name)));
  find("show-bones").addEventListener("change", (event) => { overlay.bones = event.target.checked; overlay.draw(0); });
  find("show-names").addEventListener("change", (event) => {
    overlay.names = event.target.checked;
    overlay.draw(0);
    if (scene) { scene.names = overlay.names; scene.render(); }
  });
  theme.onChange(() => { overlay.draw(0); if (scene) scene.paint(); });
  new ResizeObserver(layOut).observe(find("film-view"));
  if (scene) new ResizeObserver(scene.resize).observe(find("solid-view"));
  layOut();
  if (scene) { scene.resize(); scene.look("angled"); }

  // Only the newest frame waits to be drawn.
  const live = {clip, scene, overlay, shown: 0, frame: -1};
  window.poselift = live; // for a console, and for tests
  let newest = null, drawing = false;
  const socket = new WebSocket(`ws://${location.host}/live${location.search}`);
  socket.binaryType = "arraybuffer";
  const draw = async () => {
    drawing = true;
    while (newest) {
      const bytes = newest;
      newest = null;
      try { await show(bytes); } catch (error) { tell(`A frame cannot be shown: ${error.message}`); }
    }
    drawing = false;
  };
  socket.addEventListener("message", (event) => { newest = event.data; if (!drawing) draw(); });
  socket.addEventListener("close", () => { find("facts").textContent = "ended"; tell("The session has ended."); document.body.dataset.ended = "yes"; });
}

main();
