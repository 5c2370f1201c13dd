// Swagger UI has dark colours under a class of its own; they follow the choice that every other page follows.
const dark = matchMedia("(prefers-color-scheme: dark)");

function colour() {
  const choice = document.documentElement.dataset.theme;
  document.documentElement.classList.toggle("dark-mode", choice ? choice === "dark" : dark.matches);
}

dark.addEventListener("change", colour);
colour();
