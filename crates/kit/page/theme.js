// Applies the chosen colours before the first paint; the button for it is wired in app.js.
{
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
}
