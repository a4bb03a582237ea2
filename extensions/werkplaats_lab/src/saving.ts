import { PathExt } from '@jupyterlab/coreutils';
import { DocumentRegistry } from '@jupyterlab/docregistry';
import { Contents } from '@jupyterlab/services';

import { writeCopy } from './copies';
import { sleep, within } from './waiting';

/** What became of a document. */
export interface IOutcome {
  /** Its name, for people. */
  name: string;
  /** Where its text went instead, when it could not be written in its own place. */
  copy?: string;
  /** Why its text is nowhere but in this page. */
  failed?: string;
}

/** Longer than a save takes; what takes longer hangs, or waits for an answer in a dialog. */
const PATIENCE = 2500;
/** File systems give times that differ a little; Lab allows as much (docregistry's Context). */
const MARGIN = 500;

/** Saves documents, whatever stands in the way of Lab's own way to save. */
export class Saving {
  constructor(
    private readonly contents: Contents.IManager,
    private readonly mark: string
  ) {}

  /** What became of each document that needed saving; the latest word on each. */
  readonly outcomes = new Map<DocumentRegistry.Context, IOutcome>();

  /** What of each document is known to be on disk. */
  private readonly kept = new Map<DocumentRegistry.Context, string>();

  /** Save what has unsaved changes. */
  async save(documents: Iterable<DocumentRegistry.Context>): Promise<void> {
    const all = [...documents];
    await Promise.all(
      all.filter(document => document.model.dirty).map(document => this.saveOne(document))
    );
    for (const document of all) {
      if (!document.isDisposed && !document.model.dirty) {
        this.kept.set(document, substance(document));
      }
    }
  }

  /** Whether somebody would miss something: a kernel that goes away marks its notebook as changed too. */
  missed(document: DocumentRegistry.Context): boolean {
    return document.model.dirty && this.kept.get(document) !== substance(document);
  }

  private async saveOne(document: DocumentRegistry.Context): Promise<void> {
    const name = PathExt.basename(document.localPath);
    const before = this.outcomes.get(document);
    // A kernel may mark its notebook as changed again while it is being saved.
    const held = substance(document);
    try {
      if (!before?.copy && (await this.free(document))) {
        await within(PATIENCE, document.save());
        this.kept.set(document, held);
        this.outcomes.set(document, { name });
        return;
      }
    } catch (reason) {
      console.warn(`${document.path} could not be saved in its place:`, reason);
    }
    try {
      const copy = await within(2 * PATIENCE, writeCopy(this.contents, document, this.mark, before?.copy));
      this.kept.set(document, held);
      this.outcomes.set(document, { name, copy });
    } catch (reason) {
      this.outcomes.set(document, { ...before, name, failed: String(reason) });
    }
  }

  /**
   * Whether the document's own place is free to be written: Lab would ask in a dialog otherwise.
   *
   * Lab's own autosave may be writing just now, and then the file is newer than Lab knows yet. So
   * a difference counts when it is still there a moment later.
   */
  private async free(document: DocumentRegistry.Context): Promise<boolean> {
    for (const pause of [0, 600]) {
      await sleep(pause);
      if (!document.model.dirty || (await within(PATIENCE, this.unchanged(document)))) {
        return true;
      }
    }
    return false;
  }

  private async unchanged(document: DocumentRegistry.Context): Promise<boolean> {
    const known = document.contentsModel;
    let disk: Contents.IModel;
    try {
      disk = await this.contents.get(document.path, { content: false, hash: true });
    } catch {
      // The file was taken away. Lab makes it anew, if its folder is still there.
      const folder = PathExt.dirname(document.path);
      return (await this.contents.get(folder, { content: false })).writable;
    }
    if (!disk.writable || !known) {
      return false;
    }
    if (known.hash && disk.hash) {
      return known.hash === disk.hash;
    }
    return Date.parse(disk.last_modified) - Date.parse(known.last_modified) <= MARGIN;
  }
}

/** What people wrote and made: of a notebook its cells, and not what a kernel says of itself. */
function substance(document: DocumentRegistry.Context): string {
  if (document.contentsModel?.type !== 'notebook') {
    return document.model.toString(); // toJSON would take a text for JSON
  }
  const content = document.model.toJSON() as { cells?: Record<string, unknown>[] } | null;
  const cells = content?.cells?.map(cell => [cell.cell_type, cell.source, cell.outputs]);
  return JSON.stringify(cells ?? content);
}
