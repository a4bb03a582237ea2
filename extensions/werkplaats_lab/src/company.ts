import { ILabShell, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { companyWordsIn, ICompanyWords } from './words';

/** The schema under which the server says who else is in it (werkplaats_server/company.py). */
const SCHEMA = 'urn:werkplaats:company';

/** Somebody else who is in this server; an operator is so without an end. */
interface IGuest {
  name: string;
  /** By this browser's own clock (milliseconds since 1970). */
  until: number | null;
}

/** Shows the person, above Lab, who else is in their server, until when, and where they end that. */
export const company: JupyterFrontEndPlugin<void> = {
  id: 'werkplaats-lab:company',
  description: 'Says who looks along in this server.',
  autoStart: true,
  requires: [ILabShell],
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, shell: ILabShell, translator: ITranslator | null) => {
    // A guest's own Lab says nothing of them.
    if (PageConfig.getOption('hubUser') !== PageConfig.getOption('hubServerUser')) {
      return;
    }
    const { serverSettings, events } = app.serviceManager;
    const words = companyWordsIn((translator ?? nullTranslator).languageCode);
    let band: Band | null = null;
    const show = (message: Record<string, unknown>) => {
      band?.dispose();
      const guests = read(message);
      band = guests.length > 0 ? new Band(guests, page(message), words) : null;
      if (band) {
        shell.add(band, 'header');
      }
    };
    let asked = 0;
    const ask = async () => {
      const mine = ++asked;
      const message = await standing(serverSettings);
      if (message && mine === asked) {
        show(message);
      }
    };
    // An event says that there is news, and not what: whoever is in this server can post one.
    events.stream.connect((_, event) => {
      if (event.schema_id === SCHEMA) {
        void ask();
      }
    });
    void ask();
    document.addEventListener('visibilitychange', () => document.hidden || void ask());
  }
};

/** One line: it takes room of its own and covers nothing. */
class Band extends Widget {
  constructor(guests: IGuest[], where: string, words: ICompanyWords) {
    super();
    this.id = 'wp-company';
    this.node.setAttribute('role', 'status');
    const said = guests.map(({ name, until }) => words.here(name, until === null ? '' : time(until)));
    this.node.append(...said.map(sentence => text('span', sentence)));
    const link = text('a', words.end) as HTMLAnchorElement;
    link.href = where;
    link.target = '_blank';
    link.rel = 'noopener';
    this.node.append(link);
    this.node.style.minHeight = '32px'; // Lab lays its panels out by their minimal heights
  }
}

/** Ask who is here now; null when nobody answers. */
async function standing(settings: ServerConnection.ISettings): Promise<Record<string, unknown> | null> {
  const url = URLExt.join(settings.baseUrl, 'werkplaats/company');
  try {
    const answer = await ServerConnection.makeRequest(url, { cache: 'no-store' }, settings);
    return answer.status === 200 ? await answer.json() : null;
  } catch {
    return null;
  }
}

function read(message: Record<string, unknown>): IGuest[] {
  const guests = Array.isArray(message.guests) ? message.guests : [];
  return guests.map(({ name, seconds_left }) => ({
    name: String(name),
    until: seconds_left === null ? null : Date.now() + 1000 * Number(seconds_left)
  }));
}

/** Return the desk's page, which is on this host: a path, and nothing that a browser would run. */
function page(message: Record<string, unknown>): string {
  return PageConfig.getOption('hubHost') + URLExt.join('/', String(message.page));
}

function time(at: number): string {
  return new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

function text(tag: string, said: string): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = said;
  return made;
}
