import { PathExt } from '@jupyterlab/coreutils';
import { DocumentRegistry } from '@jupyterlab/docregistry';
import { Contents, ServerConnection } from '@jupyterlab/services';

/**
 * Write what a document holds beside its file, or in the home directory when that cannot be.
 *
 * @param mark - what the copy's name says between brackets.
 * @param earlier - the copy that was made before, to be written again.
 * @returns the copy's path.
 */
export async function writeCopy(
  contents: Contents.IManager,
  document: DocumentRegistry.Context,
  mark: string,
  earlier?: string
): Promise<string> {
  const { model, path } = document;
  const json = document.contentsModel?.format === 'json';
  const written = {
    type: document.contentsModel?.type ?? 'file',
    format: document.contentsModel?.format ?? 'text',
    content: json ? model.toJSON() : model.toString()
  };
  const drive = contents.driveName(path);
  const home = drive && `${drive}:`;
  let trouble: unknown;
  for (const folder of new Set([home + PathExt.dirname(contents.localPath(path)), home])) {
    try {
      const copy = earlier ?? (await freeName(contents, folder, PathExt.basename(path), mark));
      // Without a mark of being unsaved, Lab's autosave does not come with its dialog either.
      model.dirty = false;
      await contents.save(copy, written as Partial<Contents.IModel>);
      return copy;
    } catch (reason) {
      model.dirty = true;
      trouble = reason;
    }
  }
  throw trouble;
}

/** Return a path that nobody has: "notes (saved 14.20).txt", then "notes (saved 14.20, 2).txt". */
async function freeName(
  contents: Contents.IManager,
  folder: string,
  name: string,
  mark: string
): Promise<string> {
  const extension = PathExt.extname(name);
  const stem = name.slice(0, name.length - extension.length);
  for (let number = 1; number < 20; number++) {
    const copy = `${stem} (${mark}${number > 1 ? `, ${number}` : ''})${extension}`;
    const path = folder && !folder.endsWith(':') ? `${folder}/${copy}` : folder + copy;
    try {
      await contents.get(path, { content: false });
    } catch (reason) {
      if (reason instanceof ServerConnection.ResponseError && reason.response.status === 404) {
        return path;
      }
      throw reason;
    }
  }
  throw new Error(`every name for a copy of ${name} is taken`);
}
