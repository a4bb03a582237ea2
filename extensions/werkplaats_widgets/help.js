// The form of `ask_for_help()`, what it will send, and the person's questions. All words come from the kernel,
// and all that somebody wrote is put in as text, never as HTML. What was typed lives here: an answer of the
// desk's, or none, takes nothing of it away.

const PATIENCE = 3_000; // how long a press may go unanswered before a sentence says why (milliseconds)
let forms = 0; // numbers the ids of a page, which may show several of these

function make(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith('on')) {
      made.addEventListener(name.slice(2), value);
    } else if (value === true) {
      made.setAttribute(name, '');
    } else if (value !== false && value !== undefined) {
      made.setAttribute(name, String(value));
    }
  }
  made.append(...children.filter(child => child !== null && child !== ''));
  return made;
}

const fill = (words, values) => words.replace(/\{(\w+)\}/g, (_, key) => values[key]);

/** Say something once: a status that is written again is read out again. */
function say(node, words) {
  if (node.textContent !== words) {
    node.textContent = words;
  }
}

/** A moment (Unix time, seconds) by the clock of who reads it. */
function moment(seconds, language) {
  const shown = { weekday: 'long', day: 'numeric', month: 'long', hour: '2-digit', minute: '2-digit' };
  return new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, shown).format(new Date(seconds * 1000));
}

class Asking {
  constructor(model) {
    this.model = model;
    this.words = model.get('words');
    this.key = `wp-help-${++forms}`;
    this.form = { subject: '', question: '', topic: '', urgency: 'normal', project: '', ...model.get('start') };
    this.attach = null; // the kinds whose tick is set: the offer's own, until somebody changes one
    this.outputs = false;
    this.step = '';
    const { words } = this;
    this.trouble = this.status();
    this.said = this.status();
    this.main = make('div', { class: 'wp-help-main' });
    this.mine = new Mine(this);
    this.settings = make('div', { class: 'wp-help-offering' });
    const title = make('h2', { id: `${this.key}-title`, tabindex: -1 }, words.title);
    const named = { class: 'wp-data wp-help', lang: words.language, 'aria-labelledby': title.id };
    this.node = make('section', named, title, this.trouble, this.main, this.said, this.mine.node, this.settings);
  }

  status() {
    return make('p', { class: 'wp-data-said', role: 'status' });
  }

  draw() {
    const trouble = this.model.get('trouble');
    say(this.trouble, trouble);
    this.trouble.classList.add('wp-mod-refusal');
    const there = this.model.get('about').topics !== undefined;
    const early = ['offer', 'gone'].includes(this.model.get('step')); // before the desk was asked anything
    const step = there || early ? this.model.get('step') : '';
    if (step !== this.step) {
      const had = this.step !== '' && this.node.contains(document.activeElement);
      this.step = step;
      const parts = { form: () => this.asking(), preview: () => this.preview(), sent: () => this.done(), offer: () => this.offer(), gone: () => [] };
      this.main.replaceChildren(...(step ? parts[step]() : [this.again()]));
      if (had) {
        (this.main.querySelector('h3') ?? this.node.querySelector('h2')).focus();
      }
    }
    this.warn();
    this.saying();
    this.mine.draw(there);
    this.offering(there);
  }

  saying() {
    const said = this.model.get('said');
    say(this.said, this.late || (said.text ?? ''));
    this.said.classList.toggle('wp-mod-refusal', !this.late && Boolean(said.refusal));
  }

  again() {
    return this.button('again', this.words.again, () => this.wish({ do: 'refresh' }), 'wp-mod-quiet');
  }

  // The form ------------------------------------------------------------------------------------

  asking() {
    const { words, model } = this;
    const about = model.get('about');
    const sends = event => {
      event.preventDefault();
      this.see();
    };
    const kinds = [...new Set(about.topics.map(topic => topic.kind))];
    const topics = kinds.flatMap(kind => about.topics.filter(topic => topic.kind === kind));
    const chosen = topics.map(topic => [topic.name, topic.title]);
    const fields = [
      this.field('subject', words.subject, { maxlength: 120 }),
      this.field('question', words.question, { rows: 6, 'aria-describedby': `${this.key}-hint` }),
      make('p', { class: 'wp-data-stands', id: `${this.key}-hint` }, words.question_hint),
      this.field('topic', words.topic, { options: [['', words.topic_choose], ...chosen] }),
      this.field('urgency', words.urgency, { options: ['low', 'normal', 'high'].map(name => [name, words[name]]) })
    ];
    this.when = make('p', { class: 'wp-data-stands', role: 'status' });
    fields.push(this.when);
    if (about.projects.length > 1) {
      const projects = about.projects.map(name => [name, name]);
      fields.push(this.field('project', words.project, { options: [['', words.no_project], ...projects] }));
    }
    const form = make(
      'form',
      { novalidate: true, onsubmit: sends },
      make('p', {}, words.intro),
      ...fields,
      this.ticks(),
      make('p', { class: 'wp-data-buttons' }, this.button('see', words.see, null))
    );
    this.expect();
    return [form];
  }

  field(name, label, attributes) {
    const id = `${this.key}-${name}`;
    const { options, ...others } = attributes;
    const keep = event => {
      this.form[name] = event.target.value;
      this.expect();
    };
    const tag = options ? 'select' : others.rows ? 'textarea' : 'input';
    const optional = name === 'project' || name === 'urgency';
    const input = make(tag, { id, 'data-key': name, required: !optional, oninput: keep, ...others });
    input.append(...(options ?? []).map(([value, title]) => make('option', { value }, title)));
    input.value = this.form[name];
    this.form[name] = input.value; // a value that is not among the options is none
    return make('p', { class: 'wp-data-field' }, make('label', { for: id }, label), input);
  }

  expect() {
    const { words } = this;
    const at = this.model.get('about').expected?.[this.form.urgency];
    if (this.when) {
      say(this.when, at ? fill(words.expected, { moment: moment(at, words.language) }) : '');
    }
  }

  ticks() {
    const { words, model } = this;
    const offers = model.get('offers');
    this.attach ??= new Set(offers.filter(offer => offer.on).map(offer => offer.kind));
    const lines = offers.map(({ kind }) => this.tick(kind, words[kind], this.attach.has(kind), on => {
      this.attach[on ? 'add' : 'delete'](kind);
    }));
    const notebook = offers.findIndex(offer => offer.kind === 'notebook');
    if (notebook >= 0) {
      const outputs = this.tick('outputs', words.outputs, this.outputs, on => (this.outputs = on));
      outputs.classList.add('wp-help-under');
      lines.splice(notebook + 1, 0, outputs);
    }
    const warning = model.get('about').restricted ? make('p', { class: 'wp-data-means' }, words.restricted) : null;
    return make('fieldset', {}, make('legend', {}, words.attach), warning, ...lines);
  }

  tick(name, label, on, change) {
    const id = `${this.key}-tick-${name}`;
    const input = make('input', { id, type: 'checkbox', 'data-key': `tick-${name}` });
    input.checked = on;
    input.addEventListener('change', () => change(input.checked));
    return make('p', { class: 'wp-help-tick' }, input, make('label', { for: id }, label));
  }

  see() {
    this.wish({ do: 'preview', form: this.form, attach: [...this.attach], outputs: this.outputs });
  }

  // What will be sent ---------------------------------------------------------------------------

  preview() {
    const { words, model } = this;
    this.acknowledged = false;
    this.pieces = model.get('pieces').map((piece, at) => this.piece(piece, at));
    // Hidden until it is needed: the desk may know of a restricted dataset that this server does not.
    const warning = this.pieces.length > 2
      ? make(
          'div',
          { class: 'wp-data-means', role: 'group', 'aria-label': words.restricted.split('.')[0] },
          make('p', {}, words.restricted),
          this.tick('acknowledged', words.acknowledge, false, on => (this.acknowledged = on))
        )
      : null;
    this.warning = warning;
    this.warn();
    const buttons = make(
      'p',
      { class: 'wp-data-buttons' },
      this.button('send', words.send, () => this.dispatch()),
      this.button('back', words.back, () => this.back(), 'wp-mod-quiet')
    );
    const parts = [
      make('h3', { tabindex: -1 }, words.preview),
      make('p', {}, words.preview_hint),
      ...this.pieces.map(piece => piece.node),
      warning,
      buttons
    ];
    return parts.filter(part => part !== null);
  }

  warn() {
    if (this.warning) {
      this.warning.hidden = !this.model.get('about').restricted;
    }
  }

  piece({ kind, name, title, text, taken }, at) {
    const { words } = this;
    const id = `${this.key}-piece-${at}`;
    const rows = Math.min(14, Math.max(kind === 'subject' ? 1 : 2, text.split('\n').length));
    const area = make('textarea', { id, rows, 'data-key': `piece-${kind}`, spellcheck: 'false', 'aria-describedby': `${id}-note` });
    area.value = text;
    const shown = area.value; // as the browser has it: it has one way to end a line
    const note = make('p', { class: 'wp-help-taken', id: `${id}-note` }, taken);
    area.addEventListener('input', () => say(note, area.value === shown ? taken : `${taken} ${words.changed}`));
    const label = make('label', { for: id }, name ? `${title} (${name})` : title);
    const node = make('div', { class: 'wp-help-piece', 'data-kind': kind }, label, area, note);
    let out = false;
    if (at > 1) {
      const toggle = this.button(`leave-${kind}`, words.leave_out, () => {
        out = !out;
        toggle.textContent = out ? words.put_back : words.leave_out;
        area.disabled = out;
        say(note, out ? words.left_out : taken);
      }, 'wp-mod-link');
      toggle.setAttribute('aria-describedby', `${id}-note`);
      node.append(toggle);
    }
    return { node, left: () => (out ? false : area.value === shown ? null : area.value), value: () => area.value, kind };
  }

  dispatch() {
    const changed = this.pieces.map(piece => piece.left());
    this.wish({ do: 'send', form: this.form, changed, acknowledged: this.acknowledged });
  }

  /** What was changed in the question stays with it; the rest is made anew. */
  back() {
    for (const piece of this.pieces) {
      if (piece.kind in this.form && piece.left() !== null) {
        this.form[piece.kind] = piece.value();
      }
    }
    this.wish({ do: 'back' });
  }

  // Sent ----------------------------------------------------------------------------------------

  done() {
    const { words, model } = this;
    const { number, expected_at: at, page } = model.get('sent');
    this.form = { ...this.form, subject: '', question: '' };
    const parts = [make('h3', { tabindex: -1 }, fill(words.sent, { number }))];
    if (at) {
      parts.push(make('p', {}, fill(words.sent_expected, { moment: moment(at, words.language) })));
    }
    if (page) {
      parts.push(make('p', {}, make('a', { href: page, target: '_blank', rel: 'noopener' }, words.follow)));
    }
    parts.push(this.button('another', words.another, () => this.wish({ do: 'back' }), 'wp-mod-quiet'));
    return [make('div', { class: 'wp-data-ready' }, ...parts)];
  }

  // Offered -------------------------------------------------------------------------------------

  offer() {
    const { words } = this;
    const choices = [['ask', words.offer_ask, ''], ['not-now', words.offer_not_now, 'wp-mod-quiet'], ['never', words.offer_never, 'wp-mod-quiet']];
    const buttons = choices.map(([does, label, look]) => this.button(does, label, () => this.wish({ do: does }), look));
    return [make('p', { role: 'status' }, words.offer), make('p', { class: 'wp-data-buttons' }, ...buttons)];
  }

  // Whether help is offered -----------------------------------------------------------------------

  offering(there) {
    const { words, model } = this;
    const wanted = model.get('offering');
    if (this.offered === wanted || !there) {
      return;
    }
    this.offered = wanted;
    const had = this.settings.contains(document.activeElement);
    const choose = (name, label, value) =>
      this.button(name, label, () => this.wish({ do: 'offering', wanted: value }), 'wp-mod-quiet');
    const buttons = {
      unasked: () => [choose('yes', words.offering_yes, 'yes'), choose('no', words.offering_no, 'no')],
      yes: () => [choose('no', words.offering_off, 'no')],
      no: () => [choose('yes', words.offering_on, 'yes')]
    };
    const said = { unasked: words.offering_ask, yes: words.offering_is_yes, no: words.offering_is_no }[wanted];
    const title = make('h3', { tabindex: -1 }, words.offering);
    this.settings.replaceChildren(
      title,
      make('p', { role: 'status' }, said),
      make('p', { class: 'wp-data-buttons' }, ...buttons[wanted]())
    );
    if (had) {
      title.focus();
    }
  }

  // Pressing ------------------------------------------------------------------------------------

  button(key, label, press, className = '') {
    const pressed = event => {
      if (this.busy) {
        event.preventDefault();
      } else {
        press?.();
      }
    };
    const type = press ? 'button' : 'submit';
    return make('button', { type, class: `wp-data-button ${className}`, 'data-key': key, onclick: pressed }, label);
  }

  wish(wish) {
    if (this.busy) {
      return;
    }
    this.busy = true;
    this.node.setAttribute('aria-busy', 'true');
    this.late = this.words.busy;
    this.saying();
    this.waiting = setTimeout(() => {
      this.late = this.words.kernel_busy;
      this.saying();
    }, PATIENCE);
    this.model.send(wish);
  }

  heard() {
    clearTimeout(this.waiting);
    this.busy = false;
    this.late = '';
    this.node.removeAttribute('aria-busy');
    this.draw();
  }
}

/** The person's questions: where each stands, and one that is read and answered. */
class Mine {
  constructor(asking) {
    this.asking = asking;
    this.texts = new Map(); // what was typed in answer to each
    const { words } = asking;
    this.noted = asking.status();
    this.list = make('ul', { class: 'wp-help-tickets', role: 'list' });
    this.none = make('p', {}, words.mine_none);
    const fresh = asking.button('fresh', words.again, () => asking.wish({ do: 'list' }), 'wp-mod-link');
    const title = make('h3', { tabindex: -1 }, words.mine);
    this.node = make('div', { class: 'wp-help-mine', hidden: true }, title, this.noted, this.none, this.list, fresh);
  }

  draw(there) {
    const { model } = this.asking;
    this.node.hidden = !there;
    const noted = model.get('noted');
    say(this.noted, noted.text ?? '');
    this.noted.classList.toggle('wp-mod-refusal', Boolean(noted.refusal));
    const state = JSON.stringify([model.get('tickets'), model.get('opened')]);
    if (state === this.shown) {
      return;
    }
    this.shown = state;
    const had = this.list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const tickets = model.get('tickets');
    this.none.hidden = tickets.length > 0;
    this.list.replaceChildren(...tickets.map(ticket => this.line(ticket)));
    if (had !== null) {
      (this.list.querySelector(`[data-key="${had}"]`) ?? this.node.querySelector('h3')).focus();
    }
  }

  line({ number, subject, state, unread }) {
    const { words, model } = this.asking;
    const opened = model.get('opened');
    const open = opened.number === number;
    const press = () => this.asking.wish(open ? { do: 'hide' } : { do: 'open', number });
    const toggle = this.asking.button(`ticket-${number}`, open ? words.hide : words.open, press, 'wp-mod-quiet');
    toggle.setAttribute('aria-expanded', String(open));
    toggle.setAttribute('aria-label', `${open ? words.hide : words.open}: ${number} ${subject}`);
    const head = make(
      'p',
      { class: 'wp-help-line' },
      make('strong', {}, `${number}`),
      make('span', { class: 'wp-help-subject' }, subject),
      unread ? make('span', { class: 'wp-data-badge wp-mod-registered' }, words.unread) : null,
      make('span', { class: 'wp-data-badge' }, words[state] ?? state),
      toggle
    );
    return make('li', {}, head, open ? this.conversation(opened) : null);
  }

  conversation({ number, state, messages }) {
    const { asking } = this;
    const { words, model } = asking;
    const id = `${asking.key}-reply-${number}`;
    const area = make('textarea', { id, rows: 3, 'data-key': `reply-${number}` });
    area.value = this.texts.get(number) ?? '';
    area.addEventListener('input', () => this.texts.set(number, area.value));
    let acknowledged = false;
    const restricted = model.get('about').restricted;
    const tick = restricted
      ? asking.tick(`reply-${number}`, words.reply_acknowledge, false, on => (acknowledged = on))
      : null;
    const reply = event => {
      event.preventDefault();
      this.sent = { number, count: messages.length };
      asking.wish({ do: 'reply', number, text: area.value, acknowledged });
    };
    if (this.sent?.number === number && messages.length > this.sent.count) {
      this.sent = null;
      this.texts.delete(number);
      area.value = '';
    }
    const close = () => asking.wish({ do: 'close', number });
    const form = make(
      'form',
      { novalidate: true, onsubmit: reply },
      make('p', { class: 'wp-data-field' }, make('label', { for: id }, words.reply), area),
      tick,
      make(
        'p',
        { class: 'wp-data-buttons' },
        asking.button(`send-${number}`, words.reply_send, null),
        state === 'closed' ? null : asking.button(`close-${number}`, words.close, close, 'wp-mod-quiet')
      )
    );
    const said = messages.map(message => this.message(message));
    return make('div', { class: 'wp-help-open' }, ...said, form);
  }

  message({ role, author, body, at, by_mail: mailed, attachments }) {
    const { words } = this.asking;
    const who = role === 'person' ? words.you : `${words.expert} ${author}`;
    const when = at ? moment(at, words.language) : '';
    const head = [who, when, mailed ? words.by_mail : ''].filter(Boolean).join(' · ');
    return make(
      'div',
      { class: `wp-help-message wp-mod-${role === 'person' ? 'person' : 'expert'}` },
      make('p', { class: 'wp-help-who' }, head),
      ...blocks(body),
      attachments.length > 0 ? make('p', { class: 'wp-help-taken' }, fill(words.attached, { names: attachments.join(', ') })) : null
    );
  }
}

/** A message as text and code: three backticks set code off. */
function blocks(body) {
  return body.split(/^```[^\n]*$/m).map((part, at) => {
    const text = part.replace(/^\n+|\n+$/g, '');
    return text === '' ? '' : at % 2 === 1 ? make('pre', { tabindex: 0 }, make('code', {}, text)) : make('p', { class: 'wp-help-text' }, text);
  }).filter(Boolean);
}

const HEARD = ['start', 'about', 'offers', 'step', 'pieces', 'said', 'sent', 'trouble', 'tickets', 'opened', 'noted', 'offering'];

function render({ model, el }) {
  const asking = new Asking(model);
  el.append(asking.node);
  const draw = () => asking.busy || asking.draw();
  const heard = () => asking.heard();
  HEARD.forEach(name => model.on(`change:${name}`, draw));
  model.on('msg:custom', heard);
  asking.draw();
  return () => {
    clearTimeout(asking.waiting);
    HEARD.forEach(name => model.off(`change:${name}`, draw));
    model.off('msg:custom', heard);
  };
}

export default { render };
