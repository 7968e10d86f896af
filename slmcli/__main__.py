"""Run the command line with `python -m slmcli`."""

from slmcli.cli.main import main

if __name__ == "__main__":
    main()
