// The web client loads this file after its own code: the place for settings of Sao.config.
Sao.config.title = 'GNU Health';
