// What our pages do with JavaScript; without it they still work, but for stopping a server that runs.
"use strict";

const language = document.documentElement.lang;

/** Show moments in the reader's own time zone and words. */
function showTimes() {
  const spoken = navigator.languages.find((tag) => tag.startsWith(language)) ?? language;
  const format = new Intl.DateTimeFormat(spoken, { dateStyle: "medium", timeStyle: "short" });
  for (const time of document.querySelectorAll("time[datetime]")) {
    time.textContent = format.format(new Date(time.dateTime));
  }
}

/** Stop or remove a server, then show how it is now; the words come from the button's data- attributes. */
async function deleteServer(button) {
  const { confirm: question, busy, remove } = button.dataset;
  if (question && !window.confirm(question)) return;
  const label = button.textContent;
  button.disabled = true;
  if (busy) button.textContent = busy;
  const body = remove === undefined ? undefined : JSON.stringify({ remove: true });
  const answer = await fetch(button.dataset.delete, { method: "DELETE", body }).catch(() => null);
  if (answer?.ok) {
    location.reload();
    return;
  }
  button.disabled = false;
  button.textContent = label;
  document.getElementById("request-failed").hidden = false;
}

/** A form is sent once: a second press waits for the first. */
function sendOnce(event) {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
  document.body.classList.add("wp-sending");
}

/** A flavour's longest session bounds the field for hours. */
function boundHours(radio) {
  const hours = document.getElementById("hours");
  if (hours) hours.max = radio.dataset.maxHours;
}

/** Load the page again, but not while somebody fills something in, or reads what they opened. */
function lookAgain() {
  const busy = document.querySelector("main :is(details[open], input:focus, textarea:focus, select:focus)");
  if (busy) setTimeout(lookAgain, 1000);
  else location.reload();
}

showTimes();
for (const button of document.querySelectorAll("[data-delete]")) {
  button.addEventListener("click", () => deleteServer(button));
}
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", sendOnce);
}
for (const radio of document.querySelectorAll("[data-max-hours]")) {
  radio.addEventListener("change", () => boundHours(radio));
  if (radio.checked) boundHours(radio);
}
// A page that the browser kept shows what was true then, and its forms as sent.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
// What is going on changes without us: a server that starts or stops, a request that somebody reads.
for (const changing of document.querySelectorAll("[data-again]")) {
  setTimeout(lookAgain, 1000 * Number(changing.dataset.again));
}
