from fastgate.cli.main import main

main()
