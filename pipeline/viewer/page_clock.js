// What time it is: the video's clock, and our own where there is no video. Frames are counted by
// the clip's own times, so that a variable rate is kept.

function makeClock(clip, video) {
  const heard = {frame: [], picture: [], state: []};
  const tell = (what) => heard[what].forEach((listener) => listener(clock));
  const clock = {
    frame: 0, // that is asked for, or played
    picture: 0, // that the video shows
    playing: false,
    rate: 1,
    loop: true,
    from: 0,
    to: clip.last,
    own: true, // no video leads
    on: (what, listener) => heard[what].push(listener),
  };
  const exact = "requestVideoFrameCallback" in HTMLVideoElement.prototype;
  let offset = 0; // the video's time of our time 0
  let wanted = null; // the frame to seek to when the seek that is under way is over
  let ending = null; // the timer that ends the last frame
  let begun = null; // our own clock: when it began, and at what time of the clip

  function now(frame) {
    clock.frame = Math.max(0, Math.min(clip.last, frame));
    if (clock.own) clock.picture = clock.frame;
    tell("frame");
    if (clock.own) tell("picture");
  }

  // The middle of a frame's time is safe from rounding on either side.
  function seek(frame) {
    if (video.seeking) { wanted = frame; return; }
    wanted = null;
    video.currentTime = Math.max(0, clip.times[frame] + offset + clip.secondsOf(frame) / 2);
  }

  clock.go = (frame) => {
    clearTimeout(ending);
    ending = null;
    now(frame);
    if (!clock.own) seek(clock.frame);
    else if (clock.playing) begin();
  };
  clock.step = (frames) => { clock.pause(); clock.go(clock.frame + frames); };

  clock.play = () => {
    if (clock.frame >= clock.to || clock.frame < clock.from) clock.go(clock.from);
    clock.playing = true;
    if (clock.own) begin();
    else video.play().catch((error) => { if (error.name !== "AbortError") fail(); });
    tell("state");
  };
  clock.pause = () => {
    clearTimeout(ending);
    ending = null;
    if (!clock.playing) return;
    clock.playing = false;
    if (!clock.own) {
      video.pause();
      if (!exact) now(clip.frameAt(video.currentTime - offset));
      seek(clock.frame); // the picture on show is the frame that is told
    }
    tell("state");
  };
  clock.toggle = () => (clock.playing ? clock.pause() : clock.play());

  clock.setRate = (rate) => {
    clock.rate = rate;
    video.playbackRate = rate;
    if (clock.own && clock.playing) begin();
    tell("state");
  };
  clock.setLoop = (loop) => { clock.loop = loop; tell("state"); };
  clock.setStretch = (from, to) => {
    clock.from = Math.max(0, Math.min(from, clip.last));
    clock.to = Math.max(clock.from, Math.min(to, clip.last));
    tell("state");
  };

  // The last frame stays for its time; then from the start again, or stop.
  function checkEnd(frame = clock.frame) {
    if (frame < clock.to || ending !== null) return;
    const left = frame > clock.to ? 0 : clip.secondsOf(clock.to) / clock.rate;
    ending = setTimeout(() => { ending = null; if (clock.playing) ended(); }, 1000 * left);
  }
  function ended() {
    if (!clock.loop) { clock.pause(); clock.go(clock.to); return; }
    clock.go(clock.from);
    if (!clock.own && video.paused) video.play().catch(() => {});
  }

  // Our own clock.
  function begin() { begun = {at: performance.now(), time: clip.times[clock.frame], turn: {}}; tick(begun); }
  function tick(mine) {
    requestAnimationFrame((at) => {
      if (begun !== mine || !clock.playing || !clock.own) return;
      const time = mine.time + (Math.max(0, at - mine.at) / 1000) * clock.rate;
      const frame = clip.frameAt(time);
      if (frame !== clock.frame) now(Math.min(frame, clock.to));
      checkEnd();
      tick(mine);
    });
  }

  // The video's.
  function shows(frame) {
    clock.picture = frame;
    tell("picture"); // first, so that no skeleton is late
    if (!clock.playing || video.seeking) return;
    now(Math.min(frame, clock.to)); // a slow machine may be told of the end too late
    checkEnd(frame);
  }
  function eachFrame() {
    video.requestVideoFrameCallback((_, about) => {
      if (!clock.own) shows(clip.nearest(about.mediaTime - offset));
      eachFrame();
    });
  }
  function eachTick() {
    requestAnimationFrame(() => {
      if (!clock.own && clock.playing && !video.seeking) shows(clip.frameAt(video.currentTime - offset));
      eachTick();
    });
  }
  function fail() {
    if (clock.failed) return;
    clock.failed = clock.own = true;
    now(clock.frame);
    if (clock.playing) begin();
    tell("state");
  }

  function lead() {
    if (!clock.own || clock.failed) return;
    clock.own = false;
    video.playbackRate = clock.rate;
    clock.go(clock.frame);
    if (clock.playing) video.play().catch(fail);
    if (exact) eachFrame(); else eachTick();
    tell("state");
  }

  // Browsers differ in where a video's time begins: the first picture tells.
  clock.follow = (source, start, first) => {
    offset = start - first;
    video.addEventListener("error", fail);
    video.addEventListener("seeked", () => {
      if (wanted !== null) seek(wanted);
      else if (!clock.own && !clock.playing) { // a browser may forget to tell of the picture
        clock.picture = clock.frame;
        tell("picture");
      }
    });
    video.addEventListener("ended", () => { if (clock.playing && !clock.own) { clearTimeout(ending); ending = null; ended(); } });
    video.addEventListener("pause", () => { // by the browser, as when a telephone rings
      if (clock.playing && !clock.own && video.paused && !video.ended && !document.hidden) { clock.playing = false; tell("state"); }
    });
    let late = null, loaded = false, measured = !exact;
    const ready = () => { if (loaded && measured) { clearTimeout(late); lead(); } };
    video.addEventListener("loadeddata", () => {
      loaded = true;
      if (!video.videoWidth) fail(); // sound alone can be decoded
      late = setTimeout(lead, 1500); // a page in the background is shown no picture
      ready();
    }, {once: true});
    if (exact) {
      video.requestVideoFrameCallback((_, about) => {
        if (clock.own) offset = about.mediaTime - first;
        measured = true;
        ready();
      });
    }
    video.src = source;
  };
  return clock;
}
