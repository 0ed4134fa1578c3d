// What can be plotted of a person: angles, heights and speeds, over the frames of the clip.

const PAIRS = {knee: "Knees", ankle: "Ankles", hip: "Hips", shoulder: "Shoulders", elbow: "Elbows", wrist: "Wrists"};
const SINGLES = {hip: "Root (middle of the hips)", spine: "Spine", thorax: "Thorax", neck: "Neck", head: "Head"};

// [{group, name, unit, digits, lines: [{side, value: (person, t) => number}]}]
function measuresOf(clip) {
  const joints = clip.solid.joints, number = (joint) => joints.indexOf(joint), has = (...names) => names.every((n) => number(n) >= 0);
  const [a, b, c, d] = [0, 1, 2, 3].map(() => new THREE.Vector3());
  const degrees = (radians) => (radians * 180) / Math.PI;
  const at = (person, t, joint, vector) => clip.place(person, t, number(joint), vector);
  const measures = [];
  const add = (group, name, unit, digits, lines) => { if (lines.length) measures.push({group, name, unit, digits, lines}); };
  const both = (needs, value) => ["left", "right"].filter((side) => has(...needs(side))).map((side) => ({side, value: (person, t) => value(side, person, t)}));

  const bend = (name, from, middle, to) => add("Angle", name, "°", 0, both((s) => [`${s}_${from}`, `${s}_${middle}`, `${s}_${to}`], (s, person, t) => {
    at(person, t, `${s}_${middle}`, b);
    return degrees(b.clone().sub(at(person, t, `${s}_${from}`, a)).angleTo(at(person, t, `${s}_${to}`, c).sub(b)));
  }));
  bend("Knee bend", "hip", "knee", "ankle");
  // Between a limb and the trunk's direction down: 0 for somebody who stands with arms hanging.
  const raise = (name, from, to) => add("Angle", name, "°", 0, both((s) => [`${s}_${from}`, `${s}_${to}`, "hip", "thorax"], (s, person, t) => {
    at(person, t, "hip", d).sub(at(person, t, "thorax", c));
    return degrees(at(person, t, `${s}_${to}`, b).sub(at(person, t, `${s}_${from}`, a)).angleTo(d));
  }));
  raise("Hip bend", "hip", "knee");
  bend("Elbow bend", "shoulder", "elbow", "wrist");
  raise("Arm raise", "shoulder", "elbow");
  if (has("hip", "thorax")) {
    const up = new THREE.Vector3(0, 0, 1);
    add("Angle", "Trunk lean", "°", 0, [{side: "centre", value: (person, t) => degrees(at(person, t, "thorax", a).sub(at(person, t, "hip", b)).angleTo(up))}]);
  }
  const speed = (joint, person, t) => {
    const from = Math.max(person.first, t - 1), to = Math.min(person.last, t + 1);
    if (from === to) return NaN;
    return at(person, to, joint, a).distanceTo(at(person, from, joint, b)) / (clip.times[to] - clip.times[from]);
  };
  const height = (joint, person, t) => at(person, t, joint, a).z;
  for (const [group, unit, value] of [["Height", "m", height], ["Speed", "m/s", speed]]) {
    for (const [joint, name] of Object.entries(SINGLES)) {
      if (has(joint)) add(group, name, unit, 2, [{side: "centre", value: (person, t) => value(joint, person, t)}]);
    }
    for (const [joint, name] of Object.entries(PAIRS)) {
      add(group, name, unit, 2, both((s) => [`${s}_${joint}`], (s, person, t) => value(`${s}_${joint}`, person, t)));
    }
  }
  // Computed when first asked for.
  for (const measure of measures) {
    for (const line of measure.lines) {
      const kept = new Map();
      line.values = (person) => {
        if (!kept.has(person)) {
          const values = new Float32Array(clip.frames).fill(NaN);
          for (let t = person.first; t <= person.last; t += 1) values[t] = line.value(person, t);
          kept.set(person, values);
        }
        return kept.get(person);
      };
    }
  }
  return measures;
}
