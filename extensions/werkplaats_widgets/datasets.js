// The cards of `datasets()`. All words come from the kernel, in the person's language, and all that a
// record says is put in as text, never as HTML. This shows and sends wishes; what may be is decided elsewhere.

const LOOK = 10_000; // how often what is mounted is looked at, while something is (milliseconds)
const SLOWLY = 60_000; // and while nothing is
const PATIENCE = 3_000; // how long a press may go unanswered before a sentence says why
let cards = 0; // numbers the ids of a page, which may show several of these

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

const text = (className, words) => (words ? make('p', { class: className }, words) : null);
const fill = (words, values) => words.replace(/\{(\w+)\}/g, (_, key) => values[key]);

/** One dataset: its own element stays, so that what has the focus or is being read aloud stays too. */
class Card {
  constructor(panel, id) {
    this.panel = panel;
    this.id = id;
    this.key = `wp-data-${++cards}`;
    this.open = false;
    this.asking = false; // whether the terms or the form are shown
    this.busy = false;
    this.late = '';
    this.form = { project: panel.model.get('project'), purpose: '', until: '' };
    this.shown = '';
    this.body = make('div', { class: 'wp-data-body' });
    this.status = make('p', { class: 'wp-data-said', role: 'status' });
    const article = make('article', { 'aria-labelledby': `${this.key}-title` }, this.body, this.status);
    this.node = make('li', { class: 'wp-data-card', 'data-dataset': id }, article);
  }

  /** Draw what changed. The focus goes back where it was, or else to the card's title. */
  draw(card, force = false) {
    this.card = card;
    const { model } = this.panel;
    this.mounted = model.get('mounted')[this.id];
    this.details = model.get('details')[this.id];
    const about = [model.get('own_mounts'), model.get('projects')];
    const state = [card, this.mounted, this.details, this.open, this.asking, this.busy, ...about];
    if (force || JSON.stringify(state) !== this.shown) {
      this.shown = JSON.stringify(state);
      const had = this.body.contains(document.activeElement) ? document.activeElement : null;
      this.body.replaceChildren(...this.parts().filter(part => part !== null));
      if (had) {
        const same = this.body.querySelector(`[data-key="${had.dataset.key}"]`);
        (same ?? this.body.querySelector('h3')).focus();
      }
    }
    this.say(model.get('said')[this.id]);
  }

  say(said) {
    const words = this.late || said?.text || '';
    if (this.status.textContent !== words) {
      this.status.textContent = words;
    }
    this.status.classList.toggle('wp-mod-refusal', !this.late && Boolean(said?.refusal));
  }

  parts() {
    const { words } = this.panel;
    const { card } = this;
    const title = make('h3', { id: `${this.key}-title`, tabindex: -1, 'data-key': 'title' }, card.title);
    const badges = make('p', { class: 'wp-data-badges' });
    badges.append(
      make('span', { class: `wp-data-badge wp-mod-${card.tier}`, title: words[`${card.tier}_means`] }, words[card.tier])
    );
    if (card.synthetic) {
      badges.append(make('span', { class: 'wp-data-badge', title: words.synthetic }, words.synthetic_badge));
    }
    return [title, badges, this.facts(), text('wp-data-description', card.description), ...this.does(), this.more()];
  }

  facts() {
    const { words } = this.panel;
    const { owner, licence, size, files, version } = this.card;
    const list = [
      [words.owner, owner],
      [words.licence, licence],
      [words.size, `${size} · ${files}`],
      [words.version, version]
    ];
    return definitions('wp-data-facts', list);
  }

  /** Where somebody stands, and the one button; or what is mounted. */
  does() {
    const { words, model } = this.panel;
    const { tier, standing, stands, word } = this.card;
    if (this.mounted) {
      return [this.ready()];
    }
    const before = tier === 'restricted' ? text('wp-data-means', words.alone_before) : null;
    const stood = text('wp-data-stands', [stands, word].filter(Boolean).join(' '));
    if (!model.get('own_mounts') && tier !== 'open') {
      return [before, text('wp-data-stands', words.no_mounts)];
    }
    if (standing === 'free' || standing === 'granted') {
      return [before, stood, this.button('mount', words.mount, () => this.wish('mount'))];
    }
    if (standing === 'terms') {
      return [stood, this.toggle(words.read_terms), this.asking ? this.terms(true) : null];
    }
    if (standing === 'apply' || standing === 'declined') {
      return [before, stood, this.toggle(words.apply), this.asking ? this.application() : null];
    }
    return [before, stood];
  }

  ready() {
    const { words } = this.panel;
    const { path, code, means } = this.mounted;
    return make(
      'div',
      { class: 'wp-data-ready' },
      make('p', { class: 'wp-data-heading' }, words.mounted),
      definitions('wp-data-where', [[words.path, make('code', {}, path)]]),
      make('p', { class: 'wp-data-label' }, words.code),
      make('pre', {}, make('code', {}, code)),
      ...(means ? [text('wp-data-means', means)] : []),
      make(
        'p',
        { class: 'wp-data-buttons' },
        this.button('copy', words.copy, () => this.copy(code)),
        this.button('unmount', words.unmount, () => this.wish('unmount'), 'wp-mod-quiet')
      )
    );
  }

  toggle(label) {
    const button = this.button('ask', label, () => {
      this.asking = !this.asking;
      this.ask();
    });
    button.setAttribute('aria-expanded', String(this.asking));
    button.setAttribute('aria-controls', `${this.key}-asking`);
    return button;
  }

  terms(accept) {
    const { words } = this.panel;
    const shown = this.details?.terms;
    const parts = [make('p', { class: 'wp-data-heading' }, words.terms), text('wp-data-terms', shown ?? words.busy)];
    if (accept) {
      parts.push(text('wp-data-stands', words.terms_once));
      if (shown !== undefined) {
        parts.push(this.button('accept', words.accept, () => this.wish('accept')));
      }
    }
    return make('div', { class: 'wp-data-asking', id: `${this.key}-asking` }, ...parts);
  }

  application() {
    const { words } = this.panel;
    const send = event => {
      event.preventDefault();
      this.wish('apply', this.form);
    };
    const form = make(
      'form',
      { novalidate: true, onsubmit: send },
      this.field('project', words.project, { options: this.projects() }),
      this.field('purpose', words.purpose, { rows: 3, maxlength: 2000 }),
      this.field('until', words.last_day, { type: 'date' }),
      make('p', { class: 'wp-data-buttons' }, this.button('send', words.send, null))
    );
    const box = this.terms(false);
    if (this.details) {
      box.append(form);
    }
    return box;
  }

  /** This server's project first: a dataset is mounted only in a server of the project it was asked for. */
  projects() {
    const { model } = this.panel;
    const all = [...new Set([model.get('project'), ...model.get('projects')])].filter(Boolean);
    this.form.project ||= all[0] ?? '';
    return all;
  }

  field(name, label, attributes) {
    const id = `${this.key}-${name}`;
    const { options, ...others } = attributes;
    const tag = options ? 'select' : others.rows ? 'textarea' : 'input';
    const keep = event => (this.form[name] = event.target.value);
    const input = make(tag, { id, 'data-key': name, required: true, oninput: keep, ...others });
    input.append(...(options ?? []).map(value => make('option', { value }, value)));
    input.value = this.form[name];
    return make('p', { class: 'wp-data-field' }, make('label', { for: id }, label), input);
  }

  more() {
    const { words } = this.panel;
    const about = `${this.key}-more`;
    const button = this.button(
      'more',
      words.details,
      () => {
        this.open = !this.open;
        this.ask();
      },
      'wp-mod-link'
    );
    button.setAttribute('aria-expanded', String(this.open));
    button.setAttribute('aria-controls', about);
    const box = make('div', { id: about, hidden: !this.open }, ...this.about());
    return make('div', { class: 'wp-data-more' }, button, box);
  }

  about() {
    const { words } = this.panel;
    if (!this.open) {
      return [];
    }
    if (!this.details) {
      return [text('wp-data-stands', words.busy)];
    }
    const lines = this.details.about.filter(([, said]) => said);
    const terms = this.details.terms && !this.asking ? [[words.terms, this.details.terms]] : [];
    const note = this.card.synthetic ? [text('wp-data-stands', words.synthetic)] : [];
    return [...note, definitions('wp-data-about', [...lines, ...terms]), this.preview()];
  }

  preview() {
    const { words } = this.panel;
    const { preview } = this.details;
    if (!preview) {
      return text('wp-data-stands', words.no_preview);
    }
    const head = make('tr', {}, ...preview.columns.map(name => make('th', { scope: 'col' }, name)));
    const rows = preview.rows.map(row => make('tr', {}, ...row.map(cell => make('td', {}, cell))));
    const caption = make('caption', {}, words.preview);
    const table = make('table', {}, caption, make('thead', {}, head), make('tbody', {}, ...rows));
    const label = `${words.preview}: ${this.card.title}`;
    const scrolls = { role: 'region', tabindex: 0, 'aria-label': label, 'data-key': 'rows' };
    return make('div', { class: 'wp-data-rows', ...scrolls }, table);
  }

  button(key, label, press, className = '') {
    // While an answer is awaited a button keeps its place in the order of tabs, and does nothing.
    const waits = this.busy && key !== 'more' && key !== 'copy';
    const pressed = event => (waits ? event.preventDefault() : press?.());
    return make(
      'button',
      {
        type: press ? 'button' : 'submit',
        class: `wp-data-button ${className}`,
        'data-key': key,
        'aria-disabled': waits ? 'true' : undefined,
        // Read out with whose it is; it begins with what can be seen, for who says it aloud.
        'aria-label': `${waits ? this.panel.words.busy : label}: ${this.card.title}`,
        onclick: pressed
      },
      waits ? this.panel.words.busy : label
    );
  }

  ask() {
    if (!this.details && (this.open || this.asking)) {
      this.panel.send({ do: 'show', id: this.id });
    }
    this.draw(this.card);
  }

  wish(act, more = {}) {
    if (this.busy) {
      return;
    }
    this.busy = true;
    this.waiting = setTimeout(() => {
      this.late = this.panel.words.kernel_busy;
      this.say();
    }, PATIENCE);
    this.panel.send({ do: act, id: this.id, ...more });
    this.draw(this.card);
  }

  done(act) {
    if (act === 'show') {
      return;
    }
    clearTimeout(this.waiting);
    this.late = '';
    this.busy = false;
    if (!this.panel.model.get('said')[this.id]?.refusal) {
      this.asking = false;
    }
    this.draw(this.card, true);
  }

  async copy(code) {
    try {
      await navigator.clipboard.writeText(code);
    } catch {
      // Over plain HTTP a browser has no clipboard for pages; what is selected can be copied still.
      const selection = window.getSelection();
      selection.selectAllChildren(this.body.querySelector('pre code'));
      document.execCommand('copy');
    }
    this.late = this.panel.words.copied;
    this.say();
    setTimeout(() => {
      this.late = '';
      this.say(this.panel.model.get('said')[this.id]);
    }, PATIENCE);
  }
}

function definitions(className, list) {
  const pairs = list.filter(([, said]) => said);
  return make(
    'dl',
    { class: className },
    ...pairs.map(([term, said]) => make('div', {}, make('dt', {}, term), make('dd', {}, said)))
  );
}

/** All cards, with what is above them. */
class Panel {
  constructor(model) {
    this.model = model;
    this.words = model.get('words');
    this.held = new Map();
    const { words } = this;
    const key = `wp-data-${++cards}`;
    const again = () => this.filter();
    this.search = make('input', { id: `${key}-search`, type: 'search', oninput: again });
    const tiers = ['all', 'open', 'registered', 'restricted'].map(tier => make('option', { value: tier }, words[tier]));
    this.tier = make('select', { id: `${key}-tier`, onchange: again }, ...tiers);
    this.count = make('p', { class: 'wp-data-count', role: 'status' });
    this.trouble = make('p', { class: 'wp-data-said wp-mod-refusal', role: 'status' });
    this.list = make('ul', { class: 'wp-data-cards', role: 'list' });
    const ask = () => this.send({ do: 'refresh' });
    const fresh = make('button', { type: 'button', class: 'wp-data-button wp-mod-quiet', onclick: ask }, words.again);
    const bar = make(
      'div',
      { class: 'wp-data-bar', role: 'group', 'aria-label': words.search },
      make('p', { class: 'wp-data-field' }, make('label', { for: `${key}-search` }, words.search), this.search),
      make('p', { class: 'wp-data-field' }, make('label', { for: `${key}-tier` }, words.tier), this.tier),
      fresh
    );
    const title = make('h2', { id: `${key}-title` }, words.title);
    // No landmarks: Lab may show these cards twice, and landmarks of one name cannot be told apart.
    const named = { class: 'wp-data', role: 'group', lang: words.language, 'aria-labelledby': `${key}-title` };
    this.node = make('div', named, title, bar, this.trouble, this.count, this.list);
  }

  draw() {
    const offered = this.model.get('offered');
    const wanted = offered.map(card => {
      if (!this.held.has(card.id)) {
        this.held.set(card.id, new Card(this, card.id));
      }
      const held = this.held.get(card.id);
      held.draw(card);
      return held.node;
    });
    // Only where the order changed: an element that is put in again loses the focus.
    if (wanted.length !== this.list.children.length || wanted.some((node, at) => node !== this.list.children[at])) {
      this.list.replaceChildren(...wanted);
    }
    const trouble = this.model.get('trouble');
    if (this.trouble.textContent !== trouble) {
      this.trouble.textContent = trouble;
    }
    this.filter();
  }

  filter() {
    const sought = this.search.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const offered = this.model.get('offered');
    let found = 0;
    for (const card of offered) {
      const all = [card.id, card.title, card.description, card.owner].join(' ').toLocaleLowerCase();
      const fits = sought.every(word => all.includes(word)) && ['all', card.tier].includes(this.tier.value);
      this.held.get(card.id).node.hidden = !fits;
      found += fits ? 1 : 0;
    }
    const words = offered.length === 0 ? this.words.empty : found === 0 ? this.words.none : this.words.found;
    const said = this.model.get('trouble') && offered.length === 0 ? '' : fill(words, { n: found, all: offered.length });
    if (this.count.textContent !== said) {
      this.count.textContent = said;
    }
  }

  send(wish) {
    this.model.send(wish);
  }

  done(message) {
    this.held.get(message?.id)?.done(message.done);
  }

  /** Ask what is new, when somebody can see it. */
  look(now = Date.now()) {
    const often = Object.keys(this.model.get('mounted')).length > 0 ? LOOK : SLOWLY;
    const seen = !document.hidden && this.node.getClientRects().length > 0;
    if (seen && now - (this.looked ?? 0) >= often) {
      this.looked = now;
      this.send({ do: 'look' });
    }
  }
}

const HEARD = ['offered', 'projects', 'details', 'mounted', 'said', 'trouble', 'own_mounts'];

function render({ model, el }) {
  const panel = new Panel(model);
  el.append(panel.node);
  panel.looked = Date.now();
  const draw = () => panel.draw();
  const done = message => panel.done(message);
  HEARD.forEach(name => model.on(`change:${name}`, draw));
  model.on('msg:custom', done);
  draw();
  const looking = setInterval(() => panel.look(), LOOK / 2);
  return () => {
    clearInterval(looking);
    HEARD.forEach(name => model.off(`change:${name}`, draw));
    model.off('msg:custom', done);
  };
}

export default { render };
