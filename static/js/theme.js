// Runs before the first paint, so that a remembered choice of colours does not flash. Nothing else belongs here.
try {
  const choice = localStorage.getItem("theme");
  if (choice === "light" || choice === "dark") document.documentElement.dataset.theme = choice;
} catch (error) {
  // Storage is switched off: the system's colours are used.
}
