// The people in 3D: bodies of rounded parts, their shadows under them, and their trails. All of
// one kind of part, everybody's, is drawn at once.

const THIGH_M = 0.43; // of the body that the radii below are of
const TRAIL_S = 2, TRAIL_MARKS = 40;

// Radii in metres by what a joint is called, side aside: at the joint, of limbs that end there.
const RADII = {
  hip: 0.082, knee: 0.054, ankle: 0.036, shoulder: 0.05, elbow: 0.037, wrist: 0.028,
  spine: 0.098, thorax: 0.105, neck: 0.05, head: 0.05,
};
const radiusOf = (joint) => RADII[joint.replace(/^(left|right)_/, "").replace(/_(above|below)$/, "")] || 0.04;

// Tapered parts between two joints, and balls: {kind, from, to, radii, side}.
function partsOf(layout) {
  const number = (joint) => layout.joints.indexOf(joint), parts = [], balls = [];
  layout.bones.forEach((bone) => {
    const [from, to] = bone, a = layout.joints[from], z = layout.joints[to];
    if (z === "head" || (z === "neck" && number("head") < 0)) return;
    const arm = /shoulder/.test(z) && !/shoulder/.test(a), hips = /_hip$/.test(z);
    const thigh = /_hip$/.test(a); // a little narrower than the balls at its ends
    const wide = arm ? 0.06 : hips ? 0.086 : thigh ? 0.075 : radiusOf(a), narrow = arm ? 0.047 : hips ? 0.08 : radiusOf(z);
    parts.push({from, to, wide, narrow, side: arm || hips ? "centre" : sideOfBone(layout, bone)});
  });
  layout.joints.forEach((joint, j) => {
    if (joint !== "head" && joint !== "neck") balls.push({at: j, radius: radiusOf(joint), side: /_hip$/.test(joint) ? "centre" : sideOf(joint)});
  });
  const head = number("head"), neck = number("neck") >= 0 ? number("neck") : number("thorax");
  return {parts, balls, head: head >= 0 && neck >= 0 ? {from: neck, to: head} : null};
}

function makeFigures(clip, theme) {
  const {parts, balls, head} = partsOf(clip.solid), count = clip.people.length;
  const material = new THREE.MeshStandardMaterial({roughness: 0.62, metalness: 0});
  const dark = new THREE.MeshBasicMaterial({side: 2});
  const meshes = [], flat = new THREE.Matrix4().makeScale(1, 1, 0).setPosition(0, 0, -0.006);
  const add = (shape, most, lit = true) => {
    const mesh = new THREE.InstancedMesh(shape, lit ? material : new THREE.MeshBasicMaterial(), Math.max(1, most));
    mesh.instanceMatrix.setUsage(THREE.DynamicDrawUsage);
    mesh.setColorAt(0, new THREE.Color());
    mesh.frustumCulled = false;
    meshes.push(mesh);
    if (lit) {
      mesh.shade = new THREE.InstancedMesh(shape, dark, Math.max(1, most));
      mesh.shade.instanceMatrix = mesh.instanceMatrix;
      mesh.shade.matrixAutoUpdate = false;
      mesh.shade.matrix.copy(flat);
      mesh.shade.frustumCulled = false;
      meshes.push(mesh.shade);
    }
    return mesh;
  };
  // Parts of one taper share a shape: a round cone one metre long, its wide end at the origin.
  const shapes = new Map();
  parts.forEach((part) => {
    part.taper = (Math.round((part.narrow / part.wide) * 20) / 20).toFixed(2);
    shapes.set(part.taper, (shapes.get(part.taper) || 0) + 1);
  });
  const cones = new Map([...shapes].map(([taper, each]) => [
    taper, add(new THREE.CylinderGeometry(Number(taper), 1, 1, 20, 1, true).translate(0, 0.5, 0), each * count),
  ]));
  const spheres = add(new THREE.SphereGeometry(1, 20, 14), (balls.length + 1) * count);
  const dots = add(new THREE.SphereGeometry(1, 8, 6), count * 2 * TRAIL_MARKS, false);

  const a = new THREE.Vector3(), z = new THREE.Vector3(), along = new THREE.Vector3(), up = new THREE.Vector3(0, 1, 0);
  const turn = new THREE.Quaternion(), size = new THREE.Vector3(), matrix = new THREE.Matrix4();
  const colour = new THREE.Color(), ghost = new THREE.Color(), hue = new THREE.Color();
  const put = (mesh, tint) => {
    mesh.setMatrixAt(mesh.count, matrix);
    mesh.setColorAt(mesh.count, tint);
    mesh.count += 1;
  };

  // Bones keep their lengths, so that one frame tells a body's size.
  const [hip, knee] = [clip.solid.joints.indexOf("left_hip"), clip.solid.joints.indexOf("left_knee")];
  clip.people.forEach((person) => {
    const thigh = hip >= 0 && knee >= 0 ? clip.place(person, person.first, hip, a).distanceTo(clip.place(person, person.first, knee, z)) : THIGH_M;
    person.scale = Math.min(1.6, Math.max(0.4, thigh / THIGH_M));
  });

  function body(person, t) {
    const colours = theme.colours, own = theme.of(person), pale = clip.wasSeen(person, t) ? 0 : 0.62;
    ghost.set(colours.ghost);
    const tint = (side) => {
      colour.set(side === "centre" ? own : colours[side]);
      return colour.lerp(ghost, pale);
    };
    for (const part of parts) {
      clip.place(person, t, part.from, a);
      clip.place(person, t, part.to, z);
      along.copy(z).sub(a);
      const length = Math.max(along.length(), 1e-4), wide = part.wide * person.scale;
      turn.setFromUnitVectors(up, along.divideScalar(length));
      matrix.compose(a, turn, size.set(wide, length, wide));
      put(cones.get(part.taper), tint(part.side));
    }
    turn.identity();
    for (const ball of balls) {
      matrix.compose(clip.place(person, t, ball.at, a), turn, size.setScalar(ball.radius * person.scale));
      put(spheres, tint(ball.side));
    }
    if (head) {
      clip.place(person, t, head.from, a);
      clip.place(person, t, head.to, z);
      along.copy(z).sub(a);
      const length = Math.max(along.length(), 1e-4), wide = 0.088 * person.scale;
      turn.setFromUnitVectors(up, along.divideScalar(length));
      matrix.compose(a.lerp(z, 0.5), turn, size.set(wide, Math.max(length * 0.62, wide), wide));
      put(spheres, tint("centre"));
    }
  }

  // Marks of the last seconds, smaller the older.
  function trail(person, t, joint, side) {
    const first = Math.max(person.first, clip.frameAt(clip.times[t] - TRAIL_S));
    const stride = Math.max(1, Math.ceil((t - first) / TRAIL_MARKS));
    hue.set(side === "centre" ? theme.of(person) : theme.colours[side]);
    ghost.set(theme.colours.floor);
    turn.identity();
    // Marks keep their frames, so that they stand still while time goes on.
    for (let u = Math.floor(t / stride) * stride, n = 0; u >= first && n < TRAIL_MARKS; u -= stride, n += 1) {
      if (u === t) continue;
      const age = (clip.times[t] - clip.times[u]) / TRAIL_S;
      clip.place(person, u, joint, a);
      matrix.compose(a, turn, size.setScalar(0.019 * (1 - 0.75 * age)));
      put(dots, colour.copy(hue).lerp(ghost, 0.65 * age));
    }
  }

  const figures = {meshes, trails: []};
  figures.paint = () => dark.color.set(theme.colours.shadow);
  figures.draw = (t) => {
    meshes.forEach((mesh) => { mesh.count = 0; });
    for (const person of clip.people) {
      if (!person.shown || !clip.isThere(person, t)) continue;
      body(person, t);
      figures.trails.forEach((joint) => trail(person, t, clip.solid.joints.indexOf(joint), sideOf(joint)));
    }
    for (const mesh of meshes) {
      if (mesh.shade) mesh.shade.count = mesh.count;
      mesh.instanceMatrix.needsUpdate = true;
      if (mesh.instanceColor) mesh.instanceColor.needsUpdate = true;
    }
  };
  figures.paint();
  return figures;
}
