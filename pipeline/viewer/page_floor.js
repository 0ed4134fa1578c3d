// The floor: a grid of metres about where the people go, with numbers at its edges.

function makeFloor(clip, theme, box) {
  const margin = 0.75, floor = {parts: []};
  const west = Math.floor(box.min[0] - margin), east = Math.ceil(box.max[0] + margin);
  const near = Math.floor(box.min[1] - margin), far = Math.ceil(box.max[1] + margin);
  const longest = Math.max(east - west, far - near);
  const step = longest > 200 ? 20 : longest > 60 ? 5 : 1, heavy = step === 1 ? 5 : step * 5;
  floor.edges = {west, east, near, far};

  const ground = new THREE.Mesh(new THREE.PlaneGeometry(east - west, far - near), new THREE.MeshBasicMaterial());
  ground.position.set((west + east) / 2, (near + far) / 2, -0.012);
  floor.parts.push(ground);

  const lines = [[], []];
  for (let x = Math.ceil(west / step) * step; x <= east; x += step) lines[Number(x % heavy === 0)].push(x, near, 0, x, far, 0);
  for (let y = Math.ceil(near / step) * step; y <= far; y += step) lines[Number(y % heavy === 0)].push(west, y, 0, east, y, 0);
  lines[1].push(west, near, 0, east, near, 0, east, near, 0, east, far, 0, east, far, 0, west, far, 0, west, far, 0, west, near, 0);
  const grids = lines.map((points) => {
    const shape = new THREE.BufferGeometry();
    shape.setAttribute("position", new THREE.Float32BufferAttribute(points, 3));
    const grid = new THREE.LineSegments(shape, new THREE.LineBasicMaterial());
    floor.parts.push(grid);
    return grid;
  });

  // Metres along the near edge and the left one, from the corner.
  const every = longest <= 12 ? 1 : longest <= 30 ? 5 : longest <= 120 ? 10 : 50, size = Math.max(0.28, longest / 36);
  const numbers = [];
  const write = (words, x, y) => {
    const canvas = document.createElement("canvas");
    const plate = new THREE.Mesh(
      new THREE.PlaneGeometry(size * 3, size * 1.5),
      new THREE.MeshBasicMaterial({map: new THREE.CanvasTexture(canvas), transparent: true, depthWrite: false}),
    );
    plate.position.set(x, y, 0);
    numbers.push({words, canvas, plate});
    floor.parts.push(plate);
  };
  for (let x = every; x <= east - west; x += every) write(`${x}${x === every ? " m" : ""}`, west + x, near - size * 0.62);
  for (let y = every; y <= far - near; y += every) write(`${y}${y === every ? " m" : ""}`, west - size * 0.9, near + y);

  floor.paint = () => {
    const colours = theme.colours;
    ground.material.color.set(colours.floor);
    grids[0].material.color.set(colours.grid);
    grids[1].material.color.set(colours.axis);
    for (const {words, canvas, plate} of numbers) {
      Object.assign(canvas, {width: 192, height: 96});
      const pen = canvas.getContext("2d");
      pen.font = "500 58px system-ui, sans-serif";
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillStyle = colours.muted;
      pen.fillText(words, 96, 50);
      plate.material.map.colorSpace = THREE.SRGBColorSpace;
      plate.material.map.needsUpdate = true;
    }
  };
  floor.paint();
  return floor;
}
