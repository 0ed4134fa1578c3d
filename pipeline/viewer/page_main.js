// The page put together.

async function main() {
  const find = (id) => document.getElementById(id);
  const clip = await unpackedClip(), theme = makeTheme(), video = find("video");
  const clock = makeClock(clip, video), overlay = makeOverlay(clip, find("overlay"), theme);
  const film = clip.video, plural = (n, one, many) => `${n} ${n === 1 ? one : many}`;
  const length = clip.times[clip.last] - clip.times[0] + clip.secondsOf(clip.last);
  find("facts").textContent = [
    plural(clip.people.length, "person", "people"), `${clockText(length, length < 60 ? 1 : 0)}${length < 60 ? " s" : " min"}`,
    plural(clip.frames, "frame", "frames"), `${Number(clip.fps.toFixed(2))} fps`,
  ].join(" · ");

  function offerFiles() {
    if (!clip.files.length || location.protocol === "about:") return; // within a notebook nothing lies beside
    find("files").hidden = false;
    find("file-list").append(...clip.files.map((file) => {
      const item = document.createElement("li"), link = document.createElement("a"), name = document.createElement("small");
      link.href = file.link;
      link.download = file.name;
      link.textContent = file.what;
      name.textContent = file.name;
      link.append(name);
      item.append(link);
      return item;
    }));
  }
  function tellDoubts() {
    const doubted = clip.people.filter((person) => person.doubts.length);
    if (!doubted.length) return;
    const title = document.createElement("h2"), list = document.createElement("ul");
    title.textContent = "To be doubted";
    list.append(...doubted.map((person) => {
      const item = document.createElement("li");
      item.textContent = `${person.name}: ${person.doubts.map((doubt) => doubt.text).join("; ")}`;
      return item;
    }));
    find("doubts").append(title, list);
  }

  let scene = null;
  try {
    scene = makeScene(clip, find("solid"), find("labels"), find("finder"), theme);
  } catch (error) {
    find("no-solid").hidden = false;
    find("no-solid").textContent = "This browser shows no 3D (WebGL 2 is off or missing).";
  }
  const redrawFilm = () => overlay.draw(clock.picture);
  const timeline = makeTimeline(clip, clock, theme, (frame) => { clock.pause(); clock.go(frame); });
  const plots = makePlots(clip, clock, timeline, theme);
  makeControls(clip, clock, overlay, scene, timeline, redrawFilm);
  const redraw = () => { redrawFilm(); timeline.draw(); };
  timeline.shownChanged = () => { if (scene) scene.show(clock.frame); plots.draw(); redrawFilm(); };
  clock.on("frame", () => { if (scene) scene.show(clock.frame); timeline.keepInView(); plots.point(); });
  clock.on("picture", redrawFilm);

  // The film takes the room that its shape leaves it; a turned one is laid out before it is turned.
  const shape = clip.width / clip.height, upright = film.rotate % 180 !== 0;
  function layOut() {
    const room = find("film-view"), box = find("film");
    const wide = Math.min(room.clientWidth, room.clientHeight * shape), high = wide / shape;
    box.style.width = `${wide}px`;
    box.style.height = `${high}px`;
    video.style.width = `${upright ? high : wide}px`;
    video.style.height = `${upright ? wide : high}px`;
    video.style.transform = `translate(-50%, -50%) rotate(${film.rotate || 0}deg)`;
    redrawFilm();
  }
  document.body.style.setProperty("--shape", String(shape));
  document.body.classList.toggle("upright", shape < 1);
  document.body.classList.toggle("many", clip.people.length > 8);

  function noFilm(words) {
    find("no-film").hidden = false;
    find("no-film").textContent = words;
    find("film-panel").classList.add("blank");
  }
  clock.on("state", () => {
    if (!clock.failed) return;
    const where = film.link ? ` It is looked for at ${decodeURIComponent(film.link)}.` : "";
    noFilm(`This browser cannot show the video (${film.codec}).${where} The people are played by their own times.`);
  });

  offerFiles();
  tellDoubts();
  theme.onChange(() => { redraw(); if (scene) scene.paint(); });
  new ResizeObserver(layOut).observe(find("film-view"));
  if (scene) new ResizeObserver(scene.resize).observe(find("solid-view"));
  new ResizeObserver(timeline.draw).observe(find("timeline"));
  layOut();
  if (scene) { scene.resize(); scene.look("angled"); }
  clock.go(0);
  clock.setRate(1);

  if (film.missing) {
    noFilm(`${film.missing} The people are played by their own times.`);
  } else {
    const text = find("film-data").textContent;
    const source = film.link || URL.createObjectURL(new Blob([bytesOf(text)], {type: film.type}));
    find("film-data").remove();
    find("sound-label").hidden = !film.sound;
    clock.follow(source, film.start, film.first);
  }
  find("numbers").remove();
  window.poselift = {clip, clock, scene, timeline, overlay}; // for a console, and for tests
  document.body.dataset.ready = "yes";
}

main().catch((error) => {
  document.body.dataset.ready = "failed";
  const notice = document.getElementById("no-film");
  notice.hidden = false;
  notice.textContent = `This page cannot be shown: ${error.message}. It needs a browser of 2023 or later.`;
});
