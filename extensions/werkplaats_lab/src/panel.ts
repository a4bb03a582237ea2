import { SessionContext } from '@jupyterlab/apputils';
import { URLExt } from '@jupyterlab/coreutils';
import { OutputAreaModel, SimplifiedOutputArea } from '@jupyterlab/outputarea';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ServerConnection, ServiceManager } from '@jupyterlab/services';
import { UUID } from '@lumino/coreutils';
import { Panel, Widget } from '@lumino/widgets';

import { IPanelWords } from './words';

/** A panel that shows what a cell of a notebook would show: its id in the page, and the code that it runs. */
export interface ICode {
  id: string;
  code: string;
}

/**
 * A panel that shows a widget to who has never run a cell: the datasets at the side, or a question to an expert.
 *
 * It has a kernel of its own, which is started when the panel is first seen and ends with the page.
 */
export class CodePanel extends Panel {
  constructor(
    private readonly services: ServiceManager.IManager,
    private readonly rendermime: IRenderMimeRegistry,
    private readonly words: IPanelWords,
    private readonly shown: ICode
  ) {
    super();
    this.id = shown.id;
    this.addClass('wp-data-panel');
    this.node.style.minWidth = '300px'; // as a style of its own: Lab's sheet has 250 for every panel
    this.note.node.setAttribute('role', 'status');
    this.note.addClass('wp-data-note');
    this.addWidget(this.note);
    window.addEventListener('pagehide', event => event.persisted || this.leave());
  }

  /** A panel that is closed takes its kernel along. */
  dispose(): void {
    this.session?.dispose();
    this.session = null;
    super.dispose();
  }

  protected onAfterShow(): void {
    if (!this.session) {
      void this.start();
    }
  }

  protected onAfterAttach(): void {
    if (this.isVisible) {
      this.onAfterShow();
    }
  }

  /** Start a kernel, and show the cards. */
  private async start(): Promise<void> {
    this.say(this.words.starting);
    const { kernels, sessions, kernelspecs } = this.services;
    await kernelspecs.ready;
    const session = new SessionContext({
      kernelManager: kernels,
      sessionManager: sessions,
      specsManager: kernelspecs,
      path: `werkplaats-${UUID.uuid4()}`, // in nobody's way: each page has its own
      name: this.words.caption,
      type: 'werkplaats',
      kernelPreference: { name: kernelspecs.specs?.default, shutdownOnDispose: true }
    });
    this.session = session;
    try {
      await session.initialize();
      await session.ready;
      await this.display(session);
    } catch (reason) {
      console.error('The data panel has no kernel:', reason);
      this.stop();
      return;
    }
    // Taken away by hand, or out of memory: said, with a button, and not started again and again.
    session.kernelChanged.connect((_, { newValue }) => newValue || this.stop());
    session.statusChanged.connect((_, status) => {
      if (status === 'autorestarting' || status === 'dead') {
        this.stop();
      }
    });
  }

  private async display(session: SessionContext): Promise<void> {
    // Only now, and not where this file begins: without ipywidgets Lab is to have its other plugins still.
    const { registerWidgetManager } = await import('@jupyter-widgets/jupyterlab-manager');
    const rendermime = this.rendermime.clone();
    const nothing = { getMetadata: () => undefined };
    const unsaved = { connect: () => true };
    registerWidgetManager({ sessionContext: session, model: nothing, saveState: unsaved }, rendermime, []);
    const model = new OutputAreaModel({ trusted: true });
    const output = new SimplifiedOutputArea({ model, rendermime });
    const reply = await SimplifiedOutputArea.execute(this.shown.code, output, session);
    if (this.session !== session) {
      output.dispose();
      return;
    }
    this.output = output;
    this.addWidget(output);
    this.note.hide();
    if (reply?.content.status !== 'ok') {
      console.error('The data panel shows nothing:', reply?.content);
      this.stop();
    }
  }

  private stop(): void {
    this.session?.dispose();
    this.session = null;
    this.output?.dispose();
    this.output = null;
    this.say(this.words.stopped, this.words.again);
  }

  private say(text: string, again = ''): void {
    const said = document.createElement('p');
    said.textContent = text;
    this.note.node.replaceChildren(said);
    this.note.show();
    if (again) {
      const button = document.createElement('button');
      button.className = 'jp-Button jp-mod-styled';
      button.textContent = again;
      button.addEventListener('click', () => void this.start());
      this.note.node.append(button);
    }
  }

  /** End the kernel with the page: nobody could come back to it. */
  private leave(): void {
    const id = this.session?.session?.id;
    const { serverSettings } = this.services;
    if (id) {
      const url = URLExt.join(serverSettings.baseUrl, 'api/sessions', encodeURIComponent(id));
      void ServerConnection.makeRequest(url, { method: 'DELETE', keepalive: true }, serverSettings);
    }
  }

  private readonly note = new Widget();
  private session: SessionContext | null = null;
  private output: SimplifiedOutputArea | null = null;
}
