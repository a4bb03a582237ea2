import { ILabShell, ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILauncher } from '@jupyterlab/launcher';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { LabIcon } from '@jupyterlab/ui-components';

import { CodePanel } from './panel';
import { dataWordsIn } from './words';

const COMMAND = 'werkplaats-lab:data';
/** What the panel's own kernel runs: the same as a cell of a notebook. */
const SHOWS = { id: 'wp-data-panel', code: 'from werkplaats_widgets import datasets\ndatasets()' };
/** Under this, Lab remembers that the panel was shown to somebody once. */
const SHOWN = 'werkplaats-lab:data-shown';
/** On a window that is narrower the panel would hide what somebody came for (CSS pixels). */
const ROOM = 900;

/** Three disks: drawn here, in the colour of Lab's other icons. */
const icon = new LabIcon({
  name: 'werkplaats-lab:data',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="24" viewBox="0 0 24 24"><path class="jp-icon3 jp-icon-selectable" fill="#616161" d="M12 2c4.4 0 8 1.3 8 3s-3.6 3-8 3-8-1.3-8-3 3.6-3 8-3zM4 7.5c1.5 1.3 4.5 2 8 2s6.5-.7 8-2V12c0 1.7-3.6 3-8 3s-8-1.3-8-3zM4 14.5c1.5 1.3 4.5 2 8 2s6.5-.7 8-2V19c0 1.7-3.6 3-8 3s-8-1.3-8-3z"/></svg>`
});

/** Shows the datasets in Lab's left side area: once by itself, and from the launcher. */
export const data: JupyterFrontEndPlugin<void> = {
  id: 'werkplaats-lab:data',
  description: 'Shows which datasets there are, beside what is open.',
  autoStart: true,
  requires: [ILabShell, IRenderMimeRegistry, IStateDB],
  optional: [ITranslator, ILauncher, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    shell: ILabShell,
    rendermime: IRenderMimeRegistry,
    state: IStateDB,
    translator: ITranslator | null,
    launcher: ILauncher | null,
    restorer: ILayoutRestorer | null
  ) => {
    const spoken = translator ?? nullTranslator;
    const words = dataWordsIn(spoken.languageCode);
    const panel = new CodePanel(app.serviceManager, rendermime, words, SHOWS);
    panel.title.icon = icon;
    panel.title.caption = words.caption;
    shell.add(panel, 'left', { rank: 150 });
    restorer?.add(panel, panel.id);
    app.commands.addCommand(COMMAND, {
      label: words.caption,
      caption: words.hint,
      icon,
      execute: () => shell.activateById(panel.id)
    });
    // Under the heading that Lab has already, as Lab writes it, and after the first card: its icon is the heading's.
    launcher?.add({ command: COMMAND, category: spoken.load('jupyterlab').__('Other'), rank: 1 });
    void app.restored.then(async () => {
      if (window.innerWidth >= ROOM && !(await state.fetch(SHOWN))) {
        await state.save(SHOWN, true);
        shell.activateById(panel.id);
      }
    });
  }
};
