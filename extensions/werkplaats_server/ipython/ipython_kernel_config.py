"""What every kernel of this environment loads; a person's own settings of IPython come after it."""

c = get_config()  # type: ignore[name-defined]  # noqa: F821  # as IPython gives it to a file like this
c.InteractiveShellApp.extensions.append("werkplaats_server.watching")
