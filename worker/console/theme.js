// Light or dark, before the first pixel: a module would come too late.
(() => {
  const chosen = localStorage.getItem("millrace-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
