// What the panel takes of ipywidgets' own Lab extension: the copy that Lab runs, and no second one. Its
// package is not installed to build this: it would bring sixty others for one signature.
declare module '@jupyter-widgets/jupyterlab-manager' {
  interface IContext {
    sessionContext: import('@jupyterlab/apputils').ISessionContext;
    /** What is kept in a notebook between sessions. */
    model: { getMetadata(key: string): unknown };
    saveState: { connect(slot: unknown): boolean };
  }
  /** Let a registry of renderers show the widgets of one kernel. */
  export function registerWidgetManager(
    context: IContext,
    rendermime: import('@jupyterlab/rendermime').IRenderMimeRegistry,
    renderers: Iterable<never>
  ): { dispose(): void };
}
