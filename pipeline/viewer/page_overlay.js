// The skeletons over the video, in the picture's own pixels.

function makeOverlay(clip, canvas, theme) {
  const overlay = {bones: true, names: true};
  const pen = canvas.getContext("2d");
  const sides = clip.flat.bones.map((bone) => sideOfBone(clip.flat, bone));
  const joints = clip.flat.joints.length;

  function at(person, t, joint) {
    const i = ((t - person.first) * joints + joint) * 2;
    return [person.points[i] * clip.pixel, person.points[i + 1] * clip.pixel];
  }
  const markOf = (person, t, joint) => person.marks[(t - person.first) * joints + joint];
  const sure = (mark) => Math.min(1, 0.25 + (mark & 15) / CONFIDENCE_STEPS);

  function body(person, t, width) {
    const seen = clip.wasSeen(person, t);
    clip.flat.bones.forEach(([from, to], b) => {
      const a = markOf(person, t, from), z = markOf(person, t, to);
      const made = !seen || a >= FILLED || z >= FILLED;
      pen.globalAlpha = made ? 0.7 : Math.min(sure(a), sure(z));
      pen.setLineDash(made ? [width * 2, width * 1.6] : []);
      for (const [colour, wide] of [["rgba(10, 12, 16, 0.65)", width * 1.9], [ON_FILM[sides[b]], width]]) {
        pen.strokeStyle = colour;
        pen.lineWidth = wide;
        pen.beginPath();
        pen.moveTo(...at(person, t, from));
        pen.lineTo(...at(person, t, to));
        pen.stroke();
      }
    });
    pen.setLineDash([]);
    clip.flat.joints.forEach((joint, j) => {
      const mark = markOf(person, t, j), small = /eye|ear|nose/.test(joint);
      const [x, y] = at(person, t, j);
      pen.globalAlpha = seen ? sure(mark) : 0.7;
      pen.beginPath();
      pen.arc(x, y, width * (small ? 0.75 : 1.15), 0, 2 * Math.PI);
      pen.fillStyle = !seen || mark >= FILLED ? "rgba(10, 12, 16, 0.8)" : ON_FILM[sideOf(joint)];
      pen.strokeStyle = !seen || mark >= FILLED ? ON_FILM[sideOf(joint)] : "rgba(10, 12, 16, 0.8)";
      pen.lineWidth = width * 0.4;
      pen.fill();
      pen.stroke();
    });
    pen.globalAlpha = 1;
  }

  function name(person, t, pixel) {
    let top = Infinity, middle = 0;
    for (let j = 0; j < joints; j += 1) {
      const [x, y] = at(person, t, j);
      middle += x / joints;
      top = Math.min(top, y);
    }
    const size = 12 * pixel;
    pen.font = `600 ${size}px system-ui, sans-serif`;
    const words = String(person.id), width = Math.max(pen.measureText(words).width + size, size * 1.7);
    const x = Math.max(0, Math.min(clip.width - width, middle - width / 2));
    const y = Math.max(0, Math.min(clip.height - size * 1.7, top - size * 3));
    pen.fillStyle = theme.onFilm(person);
    pen.beginPath();
    if (pen.roundRect) pen.roundRect(x, y, width, size * 1.7, size * 0.85); else pen.rect(x, y, width, size * 1.7);
    pen.fill();
    pen.fillStyle = "#14171d";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillText(words, x + width / 2, y + size * 0.9);
  }

  overlay.draw = (t) => {
    const box = canvas.getBoundingClientRect(), ratio = Math.min(window.devicePixelRatio || 1, 2);
    const wide = Math.max(1, Math.round(box.width * ratio)), high = Math.max(1, Math.round(box.height * ratio));
    if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, {width: wide, height: high});
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, wide, high);
    pen.setTransform(wide / clip.width, 0, 0, high / clip.height, 0, 0);
    pen.lineCap = "round";
    const pixel = (clip.width / wide) * ratio; // of the screen, in the picture's
    const there = clip.people.filter((person) => person.shown && clip.isThere(person, t));
    if (overlay.bones) there.forEach((person) => body(person, t, pixel * 2.6));
    if (overlay.names) there.forEach((person) => name(person, t, pixel));
  };
  return overlay;
}
