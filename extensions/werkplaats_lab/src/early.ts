import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { DocumentRegistry } from '@jupyterlab/docregistry';

/**
 * Makes one kernel connection of a notebook whose cells are run before Lab has seen to its kernel.
 *
 * Lab shows a notebook before it has asked the server for a session of it. A cell that is run then starts a
 * kernel by itself; and what Lab began with comes by later, finds that session as if it were somebody else's,
 * and connects to it once more. The second connection leaves widgets to the first (`handleComms`), which is then
 * thrown away: no widget is ever shown, and cells that were running lose their output. And while a kernel is
 * starting, Lab drops what is run. Here the first to come does what Lab would, and the others wait for it.
 */
export function startOnce(context: DocumentRegistry.Context): void {
  const session = context.sessionContext;
  const initialize = session.initialize.bind(session);
  const start = session.startKernel.bind(session);
  let begun = false;
  let starting: Promise<boolean> | null = null;
  const prefer = (preference: object) => {
    session.kernelPreference = { ...session.kernelPreference, ...preference };
  };
  session.initialize = () => {
    begun = true;
    return initialize();
  };
  session.startKernel = () => {
    if (!begun) {
      // As Lab does when it comes by itself: the kernel that the notebook names.
      const { defaultKernelName, defaultKernelLanguage } = context.model;
      prefer({ name: defaultKernelName || session.kernelPreference.name, language: defaultKernelLanguage });
      return session.initialize();
    }
    prefer({ shouldReuse: false }); // what is found from now on is what is made here
    starting ??= start().finally(() => (starting = null));
    return starting;
  };
  // What asks this starts a kernel, or waits for the one that is starting, before it runs anything.
  Object.defineProperty(session, 'hasNoKernel', { get: () => !session.session?.kernel });
}

/** Sees to it in every notebook. */
export const early: JupyterFrontEndPlugin<void> = {
  id: 'werkplaats-lab:early',
  description: 'Lets what is run before there is a kernel wait for it.',
  autoStart: true,
  activate: (app: JupyterFrontEnd) => {
    const seen = new WeakSet<DocumentRegistry.Context>();
    app.docRegistry.addWidgetExtension('Notebook', {
      createNew: (_, context) => {
        if (!seen.has(context)) {
          seen.add(context); // a second view of a notebook has the same
          startOnce(context);
        }
      }
    });
  }
};
