// Runs before the first paint, so that a chosen theme never flashes (also on pages drawn without cookies),
// nor what is there only for browsers without script.
{
  const root = document.documentElement;
  root.classList.add("js");
  let chosen = null;
  try { chosen = localStorage.getItem("theme"); } catch { /* private browsing: the server knows it from the cookie */ }
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
}
