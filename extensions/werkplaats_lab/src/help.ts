import { ILabShell, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { DocumentRegistry } from '@jupyterlab/docregistry';
import { ILauncher } from '@jupyterlab/launcher';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Contents } from '@jupyterlab/services';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { LabIcon } from '@jupyterlab/ui-components';
import { UUID } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';

import { CodePanel } from './panel';
import { helpWordsIn } from './words';

const COMMAND = 'werkplaats-lab:help';
/** The most of an error or a cell that goes into a line of code (characters): of a longer one, its end. */
const MOST = 50_000;

/** Two balloons of speech: drawn here, in the colour of Lab's other icons. */
const icon = new LabIcon({
  name: 'werkplaats-lab:help',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="24" viewBox="0 0 24 24"><path class="jp-icon3 jp-icon-selectable" fill="#616161" d="M4 3h11a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H9l-4 3.5V13H4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zm15 5h1a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2h-1v3.2L15.3 18H11a2 2 0 0 1-1.7-1l2.4-2H16a3 3 0 0 0 3-3z"/></svg>`
});

/** What went wrong in a notebook, as a kernel that did not run it is told. */
interface ISeen {
  subject: string;
  text: string;
  cell: string;
  notebook: string;
}

/** Opens the form of a question to an expert beside what is open, filled in from the last error in it. */
export const help: JupyterFrontEndPlugin<void> = {
  id: 'werkplaats-lab:help',
  description: 'Asks an expert a question, about the notebook that is open.',
  autoStart: true,
  requires: [ILabShell, IRenderMimeRegistry, IDocumentManager],
  optional: [ITranslator, ILauncher, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    shell: ILabShell,
    rendermime: IRenderMimeRegistry,
    manager: IDocumentManager,
    translator: ITranslator | null,
    launcher: ILauncher | null,
    palette: ICommandPalette | null
  ) => {
    const spoken = translator ?? nullTranslator;
    const words = helpWordsIn(spoken.languageCode);
    const { contents } = app.serviceManager;
    // Who presses a card in the launcher was in a notebook just before.
    let before: DocumentRegistry.Context | undefined;
    shell.currentChanged.connect((_, { newValue }) => {
      before = notebookOf(manager, newValue) ?? before;
    });
    app.commands.addCommand(COMMAND, {
      label: words.caption,
      caption: words.hint,
      icon,
      execute: async () => {
        const open = before && !before.isDisposed ? before : firstOf(shell, manager);
        await open?.ready;
        const seen = open ? seenIn(open, contents) : null;
        const panel = new CodePanel(app.serviceManager, rendermime, words, {
          id: `wp-help-panel-${UUID.uuid4()}`,
          code: codeOf(seen)
        });
        panel.addClass('wp-help-panel');
        panel.title.label = words.caption;
        panel.title.caption = words.hint;
        panel.title.icon = icon;
        const tab = new MainAreaWidget({ content: panel }); // one that is closed is disposed of
        const beside = open ? manager.findWidget(open.path) : undefined;
        shell.add(tab, 'main', beside ? { mode: 'split-right', ref: beside.id } : {});
        shell.activateById(tab.id);
      }
    });
    const category = spoken.load('jupyterlab').__('Other');
    launcher?.add({ command: COMMAND, category, rank: 2 });
    palette?.addItem({ command: COMMAND, category: spoken.load('jupyterlab').__('Help') });
  }
};

/** Return the code that shows the form. What somebody wrote is in it as base64, which ends no string. */
export function codeOf(seen: ISeen | null): string {
  const bytes = new TextEncoder().encode(JSON.stringify(seen ?? {}));
  const told = btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''));
  return `from werkplaats_widgets import ask_for_help\nask_for_help(seen_error="${seen ? told : ''}")`;
}

function notebookOf(manager: IDocumentManager, widget: Widget | null): DocumentRegistry.Context | undefined {
  const context = widget ? manager.contextForWidget(widget) : undefined;
  return context?.path.endsWith('.ipynb') ? context : undefined;
}

function firstOf(shell: ILabShell, manager: IDocumentManager): DocumentRegistry.Context | undefined {
  for (const widget of shell.widgets('main')) {
    const found = notebookOf(manager, widget);
    if (found) {
      return found;
    }
  }
  return undefined;
}

/** Return the error of the cell that was run last of those that ended in one. */
function seenIn(context: DocumentRegistry.Context, contents: Contents.IManager): ISeen {
  const notebook = contents.localPath(context.path);
  let last = -1;
  let seen: ISeen = { subject: '', text: '', cell: '', notebook };
  for (const cell of cellsOf(context)) {
    const wrong = (cell.outputs ?? []).find(output => output.output_type === 'error');
    if (wrong && (cell.execution_count ?? 0) >= last) {
      last = cell.execution_count ?? 0;
      const text = joined(wrong.traceback, '\n').slice(-MOST);
      seen = { subject: `${wrong.ename}: ${wrong.evalue}`.slice(0, 1000), text, cell: joined(cell.source, '').slice(-MOST), notebook };
    }
  }
  return seen;
}

interface IOutput {
  output_type: string;
  ename?: string;
  evalue?: string;
  traceback?: string[];
}

interface ICell {
  source?: string | string[];
  execution_count?: number | null;
  outputs?: IOutput[];
}

function cellsOf(context: DocumentRegistry.Context): ICell[] {
  const found = context.model.toJSON() as unknown as { cells?: ICell[] } | null;
  return found?.cells ?? [];
}

function joined(text: string | string[] | undefined, between: string): string {
  return Array.isArray(text) ? text.join(between) : (text ?? '');
}
