// The statement of `provenance()`, as the desk wrote it: in a frame that runs no script and reaches nothing.

function render({ model, el }) {
  const words = model.get('words');
  const box = document.createElement('section');
  box.className = 'wp-data wp-provenance';
  box.setAttribute('aria-label', words.title);
  const frame = document.createElement('iframe');
  frame.setAttribute('sandbox', '');
  frame.setAttribute('referrerpolicy', 'no-referrer');
  frame.setAttribute('title', words.title);
  const save = document.createElement('button');
  save.type = 'button';
  save.className = 'wp-data-button';
  save.textContent = words.save;
  save.addEventListener('click', () => model.send('save'));
  const said = document.createElement('p');
  said.className = 'wp-data-said';
  said.setAttribute('role', 'status');
  const draw = () => {
    const statement = model.get('statement');
    frame.hidden = !statement;
    save.hidden = !statement;
    if (frame.srcdoc !== statement) {
      frame.srcdoc = statement;
    }
    said.textContent = model.get('said');
    said.classList.toggle('wp-mod-refusal', model.get('refused'));
  };
  const heard = ['statement', 'said', 'refused'];
  heard.forEach(name => model.on(`change:${name}`, draw));
  box.append(frame, save, said);
  el.append(box);
  draw();
  return () => heard.forEach(name => model.off(`change:${name}`, draw));
}

export default { render };
