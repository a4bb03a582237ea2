import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection, ServiceManager } from '@jupyterlab/services';

/** The schema under which the server publishes a notice (werkplaats_server/notice.py). */
const SCHEMA = 'urn:werkplaats:notice';

/** The server's word that it is about to be ended. */
export interface INotice {
  kind: 'taken-back' | 'time-is-up';
  /** When it ends, by this browser's own clock (milliseconds since 1970). */
  end: number;
}

/**
 * Call `heard` for every notice: those that come, and the one that stands already.
 *
 * A page that slept (a closed laptop) missed what was sent meanwhile, so it asks again.
 */
export function onNotice(
  services: ServiceManager.IManager,
  heard: (notice: INotice) => void
): void {
  services.events.stream.connect((_, event) => {
    if (event.schema_id === SCHEMA) {
      heard(read(event));
    }
  });
  const ask = () => void standing(services.serverSettings).then(notice => notice && heard(notice));
  ask();
  document.addEventListener('visibilitychange', () => document.hidden || ask());
}

/** Ask for the notice that stands; null when there is none, or nobody to ask. */
async function standing(settings: ServerConnection.ISettings): Promise<INotice | null> {
  const url = URLExt.join(settings.baseUrl, 'werkplaats/notice');
  try {
    const answer = await ServerConnection.makeRequest(url, { cache: 'no-store' }, settings);
    return answer.status === 200 ? read(await answer.json()) : null;
  } catch {
    return null;
  }
}

/** Read a message. It says how many seconds are left: two machines' clocks seldom agree. */
function read(message: Record<string, unknown>): INotice {
  return {
    kind: message.kind === 'taken-back' ? 'taken-back' : 'time-is-up',
    end: Date.now() + 1000 * Number(message.seconds_left)
  };
}
