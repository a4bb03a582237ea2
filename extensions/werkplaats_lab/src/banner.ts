import { Widget } from '@lumino/widgets';

import { INotice } from './notice';
import { IOutcome } from './saving';
import { IWords } from './words';

/** From here on the clock is drawn as urgent (seconds). */
const URGENT = 15;

/**
 * The band above Lab that counts down.
 *
 * It takes room of its own and covers nothing, so that every menu and document stays within reach.
 */
export class Banner extends Widget {
  constructor(
    private readonly notice: INotice,
    private readonly words: IWords
  ) {
    super();
    this.id = 'wp-notice';
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', words.title[notice.kind]);
    this.node.append(this.clock, this.told, this.line);
    this.clock.append(this.time, element('span', 'wp-notice-left', words.left));
    this.clock.setAttribute('role', 'timer');
    this.clock.setAttribute('aria-live', 'off'); // a voice that counts every second says nothing else
    // Read out when it appears, and then only what changes: whether everything was saved.
    this.told.setAttribute('role', 'alert');
    this.told.setAttribute('aria-atomic', 'false');
    this.told.append(
      this.heading,
      element('p', '', words.why[notice.kind]),
      element('p', 'wp-notice-memory', words.memory),
      this.saved,
      element('p', '', words.next[notice.kind])
    );
    this.heading.textContent = words.title[notice.kind];
    this.total = Math.max(1, notice.end - Date.now());
    this.say(null);
    this.tick();
  }

  /** Say what was saved, and where; null while that is being done. */
  say(outcomes: Iterable<IOutcome> | null): void {
    const { words } = this;
    if (outcomes === null) {
      this.saved.replaceChildren(element('p', '', words.saving));
      return;
    }
    const all = [...outcomes];
    const failed = all.filter(outcome => outcome.failed);
    const copied = all.filter(outcome => outcome.copy && !outcome.failed);
    const said = failed.map(({ name }) => element('p', 'wp-mod-failed', words.failed(name)));
    if (failed.length === 0) {
      said.push(element('p', 'wp-mod-saved', words.saved));
    }
    if (copied.length > 0) {
      const line = element('p', 'wp-mod-copied', `${words.copied} `);
      line.append(...copied.map(({ copy }) => element('span', 'wp-notice-copy', copy)));
      said.push(line);
    }
    // The same again would be read out again.
    if (said.map(line => line.textContent).join('') !== this.saved.textContent) {
      this.saved.replaceChildren(...said);
    }
  }

  /** Say that it is over; with a link when the page stays for what was not saved. */
  end(hub: string, staying: boolean): void {
    this.notice.end = Math.min(this.notice.end, Date.now()); // it may have come sooner than was said
    this.heading.textContent = this.words.ended;
    const how = element('p', '', staying ? this.words.staying : this.words.leaving);
    const link = element('a', '', this.words.hub);
    link.setAttribute('href', hub);
    const kept = staying ? [this.saved] : [];
    this.told.replaceChildren(this.heading, how, ...kept, ...(hub ? [link] : []));
  }

  protected onAfterAttach(): void {
    this.ticking = window.setInterval(() => this.tick(), 250);
    this.watch.observe(this.told);
  }

  protected onBeforeDetach(): void {
    window.clearInterval(this.ticking);
    this.watch.disconnect();
  }

  private tick(): void {
    const left = Math.max(0, this.notice.end - Date.now());
    const seconds = Math.ceil(left / 1000);
    const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
    if (this.time.textContent !== text) {
      this.time.textContent = text;
      this.toggleClass('wp-mod-urgent', seconds <= URGENT);
      this.line.style.transform = `scaleX(${left / this.total})`;
    }
  }

  /** Lab lays its panels out by their minimal heights: ours is that of its text, however that wraps. */
  private grow(): void {
    this.node.style.minHeight = `${this.told.offsetHeight}px`;
    this.parent?.fit();
  }

  private readonly total: number;
  private readonly clock = element('div', 'wp-notice-clock');
  private readonly time = element('span', 'wp-notice-time');
  private readonly told = element('div', 'wp-notice-told');
  private readonly heading = element('h2', '');
  private readonly saved = element('div', 'wp-notice-saved');
  private readonly line = element('div', 'wp-notice-line');
  private readonly watch = new ResizeObserver(() => this.grow());
  private ticking = 0;
}

function element<T extends keyof HTMLElementTagNameMap>(
  tag: T,
  className: string,
  text = ''
): HTMLElementTagNameMap[T] {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
