// What the page is of: unpacked once, then only read. See page_data.py.

const FILLED = 16, CONFIDENCE_STEPS = 15;

function bytesOf(text) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Undo `times` differences: (columns, rows) changes in two halves -> rows of columns.
function fromChanges(bytes, rows, columns, times) {
  const size = rows * columns, values = new Int16Array(size), column = new Int16Array(rows);
  for (let c = 0; c < columns; c += 1) {
    for (let r = 0; r < rows; r += 1) column[r] = bytes[c * rows + r] | (bytes[size + c * rows + r] << 8);
    for (let n = 0; n < times; n += 1) for (let r = 1; r < rows; r += 1) column[r] += column[r - 1];
    for (let r = 0; r < rows; r += 1) values[r * columns + c] = column[r];
  }
  return values;
}

async function unpackedClip() {
  const clip = JSON.parse(document.getElementById("table").textContent);
  const bytes = await inflated(bytesOf(document.getElementById("numbers").textContent));
  let at = 0;
  const take = (count) => bytes.subarray(at, (at += count));
  clip.times = new Float64Array(take(8 * clip.frames).slice().buffer);
  const flat = clip.flat.joints.length, solid = clip.solid.joints.length;
  clip.people.forEach((person, index) => {
    const count = person.count;
    person.index = index;
    person.name = `Person ${person.id}`;
    person.shown = true;
    person.last = person.first + count - 1;
    person.points = fromChanges(take(4 * flat * count), count, 2 * flat, 1);
    person.places = fromChanges(take(6 * solid * count), count, 3 * solid, 2);
    person.marks = take(flat * count);
    person.seen = take(count);
  });
  clip.last = clip.frames - 1;
  // Of a camera that moves: ten numbers a frame, its rotation by rows, and its zoom.
  clip.path = clip.camera && clip.camera.moves ? new Float32Array(take(40 * clip.frames).slice().buffer) : null;
  clip.isThere = (person, t) => t >= person.first && t <= person.last;
  clip.wasSeen = (person, t) => person.seen[t - person.first] === 1;
  // A joint's place in metres: x right, y away from the camera, z up.
  clip.place = (person, t, joint, vector) => {
    const i = ((t - person.first) * solid + joint) * 3, places = person.places, unit = clip.metre;
    return vector.set(places[i] * unit, places[i + 1] * unit, places[i + 2] * unit);
  };
  clip.secondsOf = (t) => (t < clip.last ? clip.times[t + 1] - clip.times[t] : 1 / clip.fps);
  // The last frame that begins at this time or before.
  clip.frameAt = (time) => {
    let low = 0, high = clip.last;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (clip.times[middle] <= time + 1e-6) low = middle; else high = middle - 1;
    }
    return low;
  };
  // The frame whose time is nearest.
  clip.nearest = (time) => {
    const t = clip.frameAt(time);
    return t < clip.last && clip.times[t + 1] - time < time - clip.times[t] ? t + 1 : t;
  };
  return clip;
}

const sideOf = (joint) => (joint.startsWith("left_") ? "left" : joint.startsWith("right_") ? "right" : "centre");

// A bone has the side of its far end, or of its near end where only that has one.
function sideOfBone(layout, [from, to]) {
  const near = sideOf(layout.joints[from]), far = sideOf(layout.joints[to]);
  return near === far || near === "centre" ? far : "centre";
}
