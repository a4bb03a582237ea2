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

// What somebody writes is kept in this window until the desk has it: the desk may be away for a moment just
// when it is sent. With it its key is kept, so that what was taken already is not taken twice.
const keptPrefix = "werkplaats-kept-";

/** Return the fields of a form that somebody fills in, and its key. */
function keptFields(form) {
  return [...form.elements].filter((field) => field.name && field.name !== "_xsrf" && field.type !== "submit");
}

/** Fill a form with what was kept, where the desk did not get it; and keep it from now on. */
function keepForm(form) {
  const name = keptPrefix + form.dataset.keep;
  const kept = JSON.parse(sessionStorage.getItem(name) ?? "null");
  const key = form.elements.namedItem("key").value;
  if (kept && (kept.key === key || form.dataset.keep !== "help-new")) {
    for (const field of keptFields(form)) {
      if (field.type === "radio") field.checked = kept[field.name] === field.value;
      else if (field.name in kept) field.value = kept[field.name];
    }
  }
  form.addEventListener("input", () => {
    const now = keptFields(form).filter((field) => field.type !== "radio" || field.checked);
    const values = Object.fromEntries(now.map((field) => [field.name, field.value]));
    sessionStorage.setItem(name, JSON.stringify(values));
  });
}

/** Forget what the desk has, and everything once nobody is signed in. */
function forgetKept() {
  const written = document.querySelector("[data-written]")?.dataset.written.split(" ") ?? [];
  const nobody = document.getElementById("login") !== null;
  for (const name of Object.keys(sessionStorage).filter((one) => one.startsWith(keptPrefix))) {
    const key = JSON.parse(sessionStorage.getItem(name)).key;
    if (nobody || written.includes(key)) sessionStorage.removeItem(name);
  }
}

window.addEventListener("DOMContentLoaded", () => {
  forgetKept();
  for (const form of document.querySelectorAll("form[data-keep]")) keepForm(form);
});
