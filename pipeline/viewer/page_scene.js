// The people in 3D: views of them, and who is followed.

const VIEW_DEG = 32; // a long lens keeps limbs in proportion
const DIRECTIONS = { // from the people to the viewer: the video's camera stands at -y
  angled: [0.42, -0.9, 0.26], front: [0, -1, 0.04], side: [1, 0, 0.04], top: [0, -0.001, 1],
};
const AT_ONCE_M = 14; // a clip in which people go further is better followed
const HIGH_M = 2.0, AROUND_M = 0.5; // the room that each person is given
const MARGIN = 0.92; // of the view that may be filled

// Where everybody goes, on the floor.
function groundOf(clip) {
  const box = {min: [Infinity, Infinity], max: [-Infinity, -Infinity]}, at = new THREE.Vector3();
  for (const person of clip.people) {
    const step = Math.max(1, Math.floor(person.count / 400));
    for (let t = person.first; t <= person.last; t += step) {
      clip.place(person, t, 0, at);
      box.min = [Math.min(box.min[0], at.x - AROUND_M), Math.min(box.min[1], at.y - AROUND_M)];
      box.max = [Math.max(box.max[0], at.x + AROUND_M), Math.max(box.max[1], at.y + AROUND_M)];
    }
  }
  return box;
}

// (frames, 2) a person's way without its jolts: the mean of a second about each frame.
function smoothWay(clip, person) {
  const half = Math.max(1, Math.round(clip.fps / 2)), at = new THREE.Vector3();
  const sums = new Float64Array(2 * (person.count + 1));
  for (let n = 0; n < person.count; n += 1) {
    clip.place(person, person.first + n, 0, at);
    sums[2 * n + 2] = sums[2 * n] + at.x;
    sums[2 * n + 3] = sums[2 * n + 1] + at.y;
  }
  return (t) => {
    const n = Math.max(0, Math.min(person.count - 1, t - person.first));
    const reach = Math.min(half, n, person.count - 1 - n), low = n - reach, high = n + reach + 1;
    return [(sums[2 * high] - sums[2 * low]) / (high - low), (sums[2 * high + 1] - sums[2 * low + 1]) / (high - low)];
  };
}

function makeScene(clip, canvas, layer, finder, theme) {
  const renderer = new THREE.WebGLRenderer({canvas, antialias: true, alpha: true});
  const scene = new THREE.Scene(), camera = new THREE.PerspectiveCamera(VIEW_DEG, 1, 0.05, 600);
  camera.up.set(0, 0, 1);
  const orbit = new THREE.OrbitControls(camera, canvas);
  orbit.zoomToCursor = true;
  orbit.maxDistance = 250;
  orbit.minDistance = 0.4;
  // What happens now has a room, and people whose way is not known.
  const box = clip.room || groundOf(clip), floor = makeFloor(clip, theme, box), figures = makeFigures(clip, theme);
  const sun = new THREE.DirectionalLight("#ffffff", 1.9), rim = new THREE.DirectionalLight("#ffffff", 0.7);
  sun.position.set(2, -3, 5);
  rim.position.set(-4, 3, 2);
  const sky = new THREE.HemisphereLight("#ffffff", "#6d7686", 1.5);
  sky.position.set(0, 0, 1);
  scene.add(sun, rim, sky, ...floor.parts, ...figures.meshes);

  const ways = clip.people.map((person) => person.way || smoothWay(clip, person));
  const view = {follow: "none", name: "angled", names: true, figures, draws: 0, camera, orbit};
  let frame = 0, wide = 0, high = 0, held = [0, 0];
  const spread = Math.max(box.max[0] - box.min[0], box.max[1] - box.min[1]);
  if (spread > AT_ONCE_M) view.follow = "all";

  // What is followed, on the floor; null: nothing moves.
  function anchor(t) {
    if (view.follow === "none") return null;
    const people = clip.people.filter((p) => (view.follow === "all" ? p.shown : p.id === view.follow));
    const there = people.filter((p) => clip.isThere(p, t)), asked = there.length ? there : people;
    if (!asked.length) return null;
    const spots = asked.map((p) => ways[p.index](t));
    return [0, 1].map((i) => spots.reduce((sum, spot) => sum + spot[i], 0) / spots.length);
  }

  // What a view shows: the space that people take on their ways, or about who is followed.
  function spots() {
    const spot = anchor(frame), found = [], reach = view.follow === "all" ? 1.6 : AROUND_M;
    if (spot) return [[spot[0] - reach, spot[1]], [spot[0] + reach, spot[1]], [spot[0], spot[1] - reach], [spot[0], spot[1] + reach]];
    if (clip.room) return clip.room.spots();
    for (const person of clip.people) {
      const step = Math.max(1, Math.ceil(person.count / 60));
      for (let t = person.first; t <= person.last; t += step) {
        const [x, y] = ways[person.index](t);
        for (const [dx, dy] of [[-AROUND_M, 0], [AROUND_M, 0], [0, -AROUND_M], [0, AROUND_M]]) found.push([x + dx, y + dy]);
      }
    }
    return found;
  }

  // Where along an axis the free margins on the screen are alike, from a first guess.
  function centred(room, forward, axis, back, guess) {
    let at = guess;
    for (let n = 0; n < 6; n += 1) {
      let low = Infinity, high = -Infinity, depths = 0;
      for (const point of room) {
        const depth = point.dot(forward) - back, across = (point.dot(axis) - at) / depth;
        low = Math.min(low, across);
        high = Math.max(high, across);
        depths += depth / room.length;
      }
      at += ((low + high) / 2) * depths;
    }
    return at;
  }

  // Step back until all of it is in view: exact, from the view's four planes.
  function frameAll(direction) {
    const forward = new THREE.Vector3(...direction).normalize().negate();
    const right = forward.clone().cross(camera.up).normalize(), up = right.clone().cross(forward);
    const slope = Math.tan((camera.fov * Math.PI) / 360), slopes = [slope * camera.aspect * MARGIN, slope * MARGIN];
    const limits = [[-Infinity, -Infinity], [-Infinity, -Infinity]];
    const room = spots().flatMap(([x, y]) => [new THREE.Vector3(x, y, 0), new THREE.Vector3(x, y, HIGH_M)]);
    let depths = 0;
    for (const point of room) {
      const depth = point.dot(forward);
      [right, up].forEach((axis, i) => {
        const across = point.dot(axis);
        limits[i][0] = Math.max(limits[i][0], across - slopes[i] * depth);
        limits[i][1] = Math.max(limits[i][1], -across - slopes[i] * depth);
      });
      depths += depth / room.length;
    }
    const back = Math.min(...limits.map(([over, under], i) => -(over + under) / (2 * slopes[i])));
    camera.position.copy(forward).multiplyScalar(back);
    [right, up].forEach((axis, i) => {
      const near = (limits[i][0] - limits[i][1]) / 2;
      camera.position.addScaledVector(axis, centred(room, forward, axis, back, near));
    });
    orbit.target.copy(camera.position).addScaledVector(forward, Math.max(1, depths - back));
    orbit.update();
  }

  // The video's own camera; its picture fits into the view.
  function asFilmed() {
    const {places, focal} = clip.camera, who = filmed(), path = clip.path;
    const turn = path ? path.subarray(10 * frame, 10 * frame + 9) : [1, 0, 0, 0, 1, 0, 0, 0, 1];
    // The axes that this frame has, of those in the middle of the movement.
    const middle = clip.camera.axes[who].map((axis) => new THREE.Vector3(...axis)), axis = (i) => middle.reduce(
      (sum, other, j) => sum.addScaledVector(other, turn[3 * j + i]), new THREE.Vector3());
    const down = axis(1), forward = axis(2), zoom = path ? path[10 * frame + 9] : 1;
    const across = Math.max(clip.height, clip.width / camera.aspect) * 1.04;
    camera.fov = (2 * Math.atan(across / 2 / (focal * zoom)) * 180) / Math.PI;
    camera.position.set(...places[who]);
    camera.up.copy(down).negate();
    orbit.target.copy(camera.position).addScaledVector(forward, Math.max(1, middleDepth(forward)));
    camera.lookAt(orbit.target);
    camera.up.set(0, 0, 1);
    camera.updateProjectionMatrix();
    const scale = high / across;
    finder.style.width = `${clip.width * scale}px`;
    finder.style.height = `${clip.height * scale}px`;
  }
  // Whose camera: of who is followed, or is most to be seen; after a cut of who is there then.
  function filmed() {
    const followed = clip.people.findIndex((person) => person.id === view.follow), {prominent, cuts} = clip.camera;
    if (followed >= 0) return followed;
    const there = prominent.find((i) => clip.isThere(clip.people[i], frame));
    return cuts && there !== undefined ? there : prominent[0];
  }
  function middleDepth(forward) {
    const middle = new THREE.Vector3((box.min[0] + box.max[0]) / 2, (box.min[1] + box.max[1]) / 2, 1);
    return middle.sub(camera.position).dot(forward);
  }

  view.look = (name) => {
    if (name === "camera" && !clip.camera) return;
    view.name = name;
    finder.hidden = name !== "camera";
    if (name === "camera") {
      asFilmed();
    } else {
      camera.fov = VIEW_DEG;
      camera.updateProjectionMatrix();
      frameAll(DIRECTIONS[name]);
    }
    held = anchor(frame);
    view.render();
    view.changed();
  };
  view.changed = () => {};

  // A hand on the view ends the preset, not the following.
  const left = () => {
    if (view.name === "") return;
    view.name = "";
    finder.hidden = true;
    view.changed();
  };
  orbit.addEventListener("start", left);
  orbit.addEventListener("change", () => view.render());

  view.turn = (round, over) => {
    left();
    const out = camera.position.clone().sub(orbit.target), length = out.length();
    const level = Math.atan2(out.y, out.x) + round, height = Math.asin(Math.max(-1, Math.min(1, out.z / length)));
    const tilt = Math.max(-1.5, Math.min(1.5, height + over));
    out.set(Math.cos(level) * Math.cos(tilt), Math.sin(level) * Math.cos(tilt), Math.sin(tilt)).multiplyScalar(length);
    camera.position.copy(orbit.target).add(out);
    orbit.update();
    view.render();
  };
  view.zoom = (factor) => {
    left();
    camera.position.sub(orbit.target).multiplyScalar(factor).add(orbit.target);
    orbit.update();
    view.render();
  };

  view.setFollow = (who) => {
    view.follow = who;
    held = anchor(frame);
    view.look(view.name || "angled");
  };

  function move() {
    const spot = anchor(frame);
    if (spot && held && view.name !== "camera") {
      const dx = spot[0] - held[0], dy = spot[1] - held[1];
      camera.position.x += dx;
      camera.position.y += dy;
      orbit.target.x += dx;
      orbit.target.y += dy;
    }
    held = spot;
    if (view.name === "camera" && (clip.path || clip.camera.cuts)) asFilmed();
  }

  view.show = (t) => {
    frame = t;
    move();
    figures.draw(t);
    view.render();
  };

  const labels = clip.people.map((person) => {
    const label = document.createElement("span");
    layer.append(label);
    return label;
  });
  const head = Math.max(0, clip.solid.joints.indexOf("head")), point = new THREE.Vector3();
  function place() {
    clip.people.forEach((person, i) => {
      const there = view.names && person.shown && clip.isThere(person, frame);
      if (there) clip.place(person, frame, head, point).setZ(point.z + 0.08 * person.scale).project(camera);
      const shown = there && point.z < 1 && Math.abs(point.x) < 1.05 && Math.abs(point.y) < 1.2;
      labels[i].hidden = !shown;
      labels[i].textContent = person.id;
      if (!shown) return;
      labels[i].style.transform = `translate(-50%, -100%) translate(${((point.x + 1) / 2) * wide}px, ${Math.max(26, ((1 - point.y) / 2) * high - 5)}px)`;
      labels[i].style.zIndex = String(Math.round((1 - point.z) * 1e5));
    });
  }

  view.render = () => {
    if (!wide || !high) return;
    renderer.render(scene, camera);
    place();
    view.draws += 1;
  };
  view.resize = () => {
    wide = canvas.clientWidth;
    high = canvas.clientHeight;
    if (!wide || !high) return;
    renderer.setPixelRatio(Math.min(window.devicePixelRatio || 1, 2));
    renderer.setSize(wide, high, false);
    camera.aspect = wide / high;
    camera.updateProjectionMatrix();
    if (view.name) view.look(view.name); else view.render();
  };
  view.paint = () => {
    sky.intensity = theme.dark ? 1.5 : 2.4;
    sun.intensity = theme.dark ? 1.9 : 2.5;
    floor.paint();
    figures.paint();
    labels.forEach((label, i) => { label.style.background = theme.of(clip.people[i]); });
    figures.draw(frame);
    view.render();
  };
  view.paint();
  return view;
}
