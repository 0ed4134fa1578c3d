// Colours, dark and light: the page follows the system. Blue and orange stay apart for every
// common kind of colour blindness.

const DARK = {
  left: "#ff9f1c", right: "#38b0ff", centre: "#dfe4ec", ink: "#e8ecf1", muted: "#98a2b3",
  line: "#2c323d", floor: "#2b313c", grid: "#4a5363", axis: "#7b8698", shadow: "#1c2028", ghost: "#5a6372",
  people: ["#ffd65c", "#5ed6a0", "#f080b8", "#aa94ff", "#a0de5c", "#ff8c78", "#6edce6", "#d6bea0"],
};
const LIGHT = {
  left: "#d97706", right: "#0a78c8", centre: "#69748a", ink: "#1b1f27", muted: "#5d6777",
  line: "#dde2e9", floor: "#f4f6f8", grid: "#c3cad4", axis: "#8f99a8", shadow: "#cdd4dd", ghost: "#c5ccd6",
  people: ["#a87900", "#0f9d63", "#cf3f8b", "#6f55e0", "#5b9110", "#dd4f3a", "#0d93a3", "#8d6f45"],
};
// On the video, whatever the page: bright, over a dark rim.
const ON_FILM = DARK;

function makeTheme() {
  const dark = window.matchMedia("(prefers-color-scheme: dark)"), followers = [];
  const theme = {
    get colours() { return dark.matches ? DARK : LIGHT; },
    get dark() { return dark.matches; },
    of: (person) => theme.colours.people[(person.id - 1 + 8) % 8],
    onFilm: (person) => ON_FILM.people[(person.id - 1 + 8) % 8],
    onChange: (follower) => followers.push(follower),
  };
  dark.addEventListener("change", () => followers.forEach((follower) => follower()));
  return theme;
}
