// The meter of `quota()`. All its words come with the numbers, in the person's language.

const MINUTE = 60_000;
const SENTENCES = ['left', 'rate', 'end', 'age'];

function line(className, text) {
  const made = document.createElement('p');
  made.className = className;
  made.textContent = text;
  return made;
}

function bar(meter) {
  const made = document.createElement('div');
  made.className = 'wp-quota-bar';
  made.setAttribute('role', 'meter');
  made.setAttribute('aria-label', meter.sentences.left);
  made.setAttribute('aria-valuemin', '0');
  made.setAttribute('aria-valuemax', String(meter.limit_hours));
  made.setAttribute('aria-valuenow', String(meter.left_hours));
  const parts = [
    ['wp-quota-used', meter.used_hours],
    ['wp-quota-aside', meter.set_aside_hours]
  ];
  for (const [name, hours] of parts) {
    const part = document.createElement('span');
    part.className = name;
    part.style.width = `${Math.min(100, (100 * hours) / Math.max(meter.limit_hours, 0.001))}%`;
    made.append(part);
  }
  return made;
}

function draw(box, model) {
  const meter = model.get('meter');
  const trouble = model.get('trouble');
  const shown = [];
  if (meter.sentences) {
    const where = [meter.project_title, meter.stream_title].filter(Boolean).join(' · ');
    shown.push(line('wp-quota-title', where));
    if (meter.limit_hours !== null) {
      shown.push(bar(meter));
    }
    for (const key of SENTENCES) {
      if (meter.sentences[key]) {
        shown.push(line(`wp-quota-${key}`, meter.sentences[key]));
      }
    }
  }
  if (trouble) {
    const said = line('wp-quota-trouble', trouble);
    said.setAttribute('role', 'status');
    shown.push(said);
  }
  box.replaceChildren(...shown);
}

function render({ model, el }) {
  const box = document.createElement('section');
  box.className = 'wp-quota';
  el.append(box);
  const again = () => draw(box, model);
  model.on('change:meter', again);
  model.on('change:trouble', again);
  again();
  const asking = setInterval(() => document.hidden || model.send('ask'), MINUTE);
  return () => {
    clearInterval(asking);
    model.off('change:meter', again);
    model.off('change:trouble', again);
  };
}

export default { render };
