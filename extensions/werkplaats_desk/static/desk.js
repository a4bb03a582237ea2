// Before anything is painted: light or dark, as it was chosen on the Hub's pages.
"use strict";

const dark = window.matchMedia("(prefers-color-scheme: dark)");

/** Show the theme that was chosen, or the machine's. */
function showTheme() {
  const chosen = localStorage.getItem("jupyterhub-bs-theme");
  const theme = chosen === "light" || chosen === "dark" ? chosen : dark.matches ? "dark" : "light";
  document.documentElement.setAttribute("data-bs-theme", theme);
}

showTheme();
dark.addEventListener("change", showTheme);
window.addEventListener("DOMContentLoaded", () => {
  document.getElementById("dark-theme-toggle").addEventListener("click", () => {
    const now = document.documentElement.getAttribute("data-bs-theme");
    localStorage.setItem("jupyterhub-bs-theme", now === "dark" ? "light" : "dark");
    showTheme();
  });
});
