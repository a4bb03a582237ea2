import { ILabShell, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { DocumentRegistry } from '@jupyterlab/docregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Banner } from './banner';
import { company } from './company';
import { data } from './data';
import { early } from './early';
import { gone, goneAtLast, hubPage, silenceDialogs } from './ending';
import { help } from './help';
import { INotice, onNotice } from './notice';
import { Saving } from './saving';
import { sleep } from './waiting';
import { clock, wordsIn } from './words';

/** How often what changed meanwhile is saved, until the end (milliseconds). */
const AGAIN = 3000;

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'werkplaats-lab:notice',
  description: 'Says that the server is about to end, and saves what is open.',
  autoStart: true,
  requires: [IDocumentManager, ILabShell],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    manager: IDocumentManager,
    shell: ILabShell,
    translator: ITranslator | null
  ) => {
    let standing: INotice | null = null;
    onNotice(app.serviceManager, notice => {
      // The same notice comes as an event and as an answer; of two, the sooner end counts.
      if (standing) {
        standing.end = Math.min(standing.end, notice.end);
        return;
      }
      standing = notice;
      void follow(app, manager, shell, translator ?? nullTranslator, notice).finally(() => {
        standing = null;
      });
    });
  }
};

/** See one notice through: save, count down, and lead on. */
async function follow(
  app: JupyterFrontEnd,
  manager: IDocumentManager,
  shell: ILabShell,
  translator: ITranslator,
  notice: INotice
): Promise<void> {
  const words = wordsIn(translator.languageCode);
  // The title of hub-extension's dialog, in Lab's own words.
  const lostConnection = translator.load('jupyterlab').__('Server unavailable or unreachable');
  const saving = new Saving(app.serviceManager.contents, words.mark(clock(new Date())));
  const banner = new Banner(notice, words);
  shell.add(banner, 'header');
  const save = async () => {
    try {
      await saving.save(openDocuments(shell, manager));
    } catch (reason) {
      console.error('Saving goes on at the next round:', reason); // one document must not stop the others
    }
    banner.say(saving.outcomes.values());
  };
  const { serverSettings } = app.serviceManager;
  const speak = [silenceDialogs(lostConnection)];
  do {
    await save();
    await sleep(Math.min(AGAIN, Math.max(0, notice.end - Date.now())));
  } while (Date.now() < notice.end && !(await gone(serverSettings)));
  speak.push(silenceDialogs('')); // now a dialog can only be about a server that is not there
  await save();
  if (!(await goneAtLast(serverSettings))) {
    speak.forEach(again => again());
    banner.dispose();
    return;
  }
  const hub = hubPage();
  // What could not be saved is in this page and nowhere else: then the page stays.
  const documents = [...openDocuments(shell, manager)];
  const staying = documents.some(document => saving.missed(document));
  banner.end(hub, staying);
  if (hub && !staying) {
    documents.forEach(document => (document.model.dirty = false)); // or the browser would ask first
    window.location.assign(hub);
  }
}

/** Return the documents that are open anywhere in Lab, each once. */
function openDocuments(shell: ILabShell, manager: IDocumentManager): Set<DocumentRegistry.Context> {
  const found = new Set<DocumentRegistry.Context>();
  for (const area of ['main', 'left', 'right', 'down'] as const) {
    for (const widget of shell.widgets(area)) {
      const context = manager.contextForWidget(widget);
      if (context) {
        found.add(context);
      }
    }
  }
  return found;
}

export default [plugin, data, early, help, company];
