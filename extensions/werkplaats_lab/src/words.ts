import { INotice } from './notice';

/** What people read, in one language. */
export interface IWords {
  /** Between brackets in the name of a copy. */
  mark: (time: string) => string;
  title: Record<INotice['kind'], string>;
  why: Record<INotice['kind'], string>;
  memory: string;
  saving: string;
  saved: string;
  copied: string;
  failed: (name: string) => string;
  next: Record<INotice['kind'], string>;
  left: string;
  ended: string;
  leaving: string;
  staying: string;
  hub: string;
}

const nl: IWords = {
  mark: time => `gered ${time}`,
  title: {
    'taken-back': 'Je geleende rekenkracht gaat zo terug',
    'time-is-up': 'Je tijd is bijna om'
  },
  why: {
    'taken-back':
      'Wie deze rekenkracht aan je uitleende, heeft haar zelf nodig. Als de klok op nul staat, stopt deze server.',
    'time-is-up':
      'De tijd die bij het starten is afgesproken, is bijna voorbij. Als de klok op nul staat, stopt deze server.'
  },
  memory:
    'Wat een kernel in het geheugen heeft (variabelen) gaat verloren. Schrijf wat je wilt houden nu naar een bestand.',
  saving: 'Je open documenten worden opgeslagen …',
  saved: 'Je open documenten zijn opgeslagen.',
  copied:
    'Een bestand dat intussen veranderd was, of niet te schrijven is, is met rust gelaten. Jouw versie staat in een kopie:',
  failed: name =>
    `“${name}” kon niet worden opgeslagen. Kopieer wat je wilt houden zelf naar een veilige plek.`,
  next: {
    'taken-back':
      'Verder werken kan meteen: start een nieuwe server, op je eigen deel of op wat er dan te leen is.',
    'time-is-up': 'Verder werken kan meteen: start een nieuwe server, je bestanden staan er nog.'
  },
  left: 'nog',
  ended: 'Deze server is gestopt',
  leaving: 'Zo dadelijk zie je hoe je verder kunt.',
  staying: 'Deze pagina blijft staan, zodat je kunt kopiëren wat niet is opgeslagen.',
  hub: 'Hoe je verder kunt'
};

const en: IWords = {
  mark: time => `saved ${time}`,
  title: {
    'taken-back': 'Your borrowed computing power is about to go back',
    'time-is-up': 'Your time is almost up'
  },
  why: {
    'taken-back':
      'Whoever lent you this computing power needs it now. When the clock reaches zero, this server stops.',
    'time-is-up':
      'The time agreed when you started is almost over. When the clock reaches zero, this server stops.'
  },
  memory:
    'What a kernel holds in memory (variables) will be lost. Write what you want to keep to a file now.',
  saving: 'Your open documents are being saved …',
  saved: 'Your open documents have been saved.',
  copied:
    'A file that had changed meanwhile, or cannot be written, was left alone. Your version is in a copy:',
  failed: name => `“${name}” could not be saved. Copy what you want to keep to a safe place yourself.`,
  next: {
    'taken-back':
      'You can go on at once: start a new server, on your own share or on what can be borrowed then.',
    'time-is-up': 'You can go on at once: start a new server; your files are still there.'
  },
  left: 'left',
  ended: 'This server has stopped',
  leaving: 'In a moment you will see how to go on.',
  staying: 'This page stays, so that you can copy what was not saved.',
  hub: 'How to go on'
};

/** What a panel says before its kernel does. */
export interface IPanelWords {
  caption: string;
  hint: string;
  starting: string;
  stopped: string;
  again: string;
}

const data: Record<'nl' | 'en', IPanelWords> = {
  nl: {
    caption: 'Gegevens',
    hint: 'Welke datasets er zijn, en hoe je ze gebruikt',
    starting: 'Even geduld: de datasets worden opgehaald …',
    stopped: 'De datasets zijn nu niet te zien. Je werk loopt door.',
    again: 'Probeer het opnieuw'
  },
  en: {
    caption: 'Data',
    hint: 'Which datasets there are, and how to use them',
    starting: 'One moment: the datasets are being fetched …',
    stopped: 'The datasets cannot be shown now. Your work goes on.',
    again: 'Try again'
  }
};

const help: Record<'nl' | 'en', IPanelWords> = {
  nl: {
    caption: 'Vraag een expert',
    hint: 'Stel een vraag aan het expertisecentrum, en volg je vragen',
    starting: 'Even geduld: het formulier wordt klaargezet …',
    stopped: 'Het formulier is nu niet te zien. Je werk loopt door.',
    again: 'Probeer het opnieuw'
  },
  en: {
    caption: 'Ask an expert',
    hint: 'Ask the expertise centre a question, and follow your questions',
    starting: 'One moment: the form is being prepared …',
    stopped: 'The form cannot be shown now. Your work goes on.',
    again: 'Try again'
  }
};

/** Return the data panel's words in Lab's language. */
export function dataWordsIn(languageCode: string): IPanelWords {
  return data[isDutch(languageCode) ? 'nl' : 'en'];
}

/** Return the words of a question to an expert in Lab's language. */
export function helpWordsIn(languageCode: string): IPanelWords {
  return help[isDutch(languageCode) ? 'nl' : 'en'];
}

/** What is said of who looks along. */
export interface ICompanyWords {
  /** With until when, or without an end. */
  here: (name: string, until: string) => string;
  end: string;
}

const company: Record<'nl' | 'en', ICompanyWords> = {
  nl: {
    here: (name, until) => `${name} kijkt mee${until && ` tot ${until}`}.`,
    end: 'Stop het meekijken'
  },
  en: {
    here: (name, until) => `${name} looks along${until && ` until ${until}`}.`,
    end: 'End looking along'
  }
};

/** Return the words of the band above Lab in Lab's language. */
export function companyWordsIn(languageCode: string): ICompanyWords {
  return company[isDutch(languageCode) ? 'nl' : 'en'];
}

function isDutch(languageCode: string): boolean {
  return /^nl\b|^nl_/.test(languageCode);
}

/** Return the words in Lab's language; who reads neither gets English. */
export function wordsIn(languageCode: string): IWords {
  return isDutch(languageCode) ? nl : en;
}

/** Return a time of the day as in a copy's name: a colon is no letter for a file's name everywhere. */
export function clock(now: Date): string {
  return `${String(now.getHours()).padStart(2, '0')}.${String(now.getMinutes()).padStart(2, '0')}`;
}
