import { Dialog } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { sleep } from './waiting';

/** JupyterHub's answer, in place of a server, when that server does not run. */
const NOT_RUNNING = 424;
/** How long the Hub may take to see that a job has ended, before we go there anyway. */
const PATIENCE = 60_000;

/** The Hub's page about this server; empty when there is no Hub. */
export function hubPage(): string {
  const prefix = PageConfig.getOption('hubPrefix');
  const user = PageConfig.getOption('hubServerUser') || PageConfig.getOption('hubUser');
  if (!prefix || !user) {
    return '';
  }
  const name = PageConfig.getOption('hubServerName');
  const path = ['user', user, name].filter(part => part).map(encodeURIComponent);
  return PageConfig.getOption('hubHost') + URLExt.join(prefix, ...path) + '/';
}

/** Whether a server answers, or the Hub says that it is gone, or neither. */
async function look(settings: ServerConnection.ISettings): Promise<'answers' | 'gone' | 'silent'> {
  const url = URLExt.join(settings.baseUrl, 'api/status');
  const answer = await fetch(url, { cache: 'no-store', credentials: 'same-origin' }).catch(() => null);
  if (answer?.status === NOT_RUNNING) {
    return 'gone';
  }
  return answer?.ok && !answer.redirected ? 'answers' : 'silent';
}

/** Whether the Hub says that the server is gone. */
export async function gone(settings: ServerConnection.ISettings): Promise<boolean> {
  return (await look(settings)) === 'gone';
}

/**
 * Wait, after the end, until the Hub knows that the server is gone.
 *
 * @returns false when the server went on answering all the time: it was not ended after all.
 */
export async function goneAtLast(settings: ServerConnection.ISettings): Promise<boolean> {
  const late = Date.now() + PATIENCE;
  let found = await look(settings);
  while (found !== 'gone' && Date.now() < late) {
    await sleep(1500);
    found = await look(settings);
  }
  return found !== 'answers';
}

/**
 * Let no dialog come in front of the band that has nothing to say beside it.
 *
 * @param title - how such a dialog's title begins; every dialog when empty.
 * @returns what lets them come again.
 */
export function silenceDialogs(title: string): () => void {
  const reject = (_: unknown, dialog: Dialog<unknown>) => {
    if ((dialog.node.ariaLabel ?? '').startsWith(title)) {
      setTimeout(() => dialog.reject()); // until it is shown there is nothing to reject
    }
  };
  Dialog.tracker.forEach(dialog => reject(null, dialog));
  Dialog.tracker.widgetAdded.connect(reject);
  return () => void Dialog.tracker.widgetAdded.disconnect(reject);
}
