import type { Variable } from "./variables-file.ts";

/** Something of an existing installation, such as a variable, and the setting or secret that holds it now. */
export interface Taken {
  /** Such as `CAMCOPS_DOCKER_FLOWER_HOST_PORT` or `[site] LANGUAGE`. */
  source: string;
  /** The key in the stack's file, such as `camcops.flower.hostPort`. */
  setting: string;
}

/** Something of an existing installation that is not taken over. */
export interface Left {
  source: string;
  /** Why, as a sentence without a full stop. Holds nothing secret. */
  reason: string;
}

/** A key of the installation's own configuration that will not be what it was. */
export interface Difference {
  source: string;
  /** The former value without secrets; undefined: it was not there. */
  before: string | undefined;
  /** The value to come without secrets. */
  after: string;
  /** Why, as a sentence without a full stop. */
  reason: string;
}

/** The Docker Compose project of an existing installation. */
export interface ComposeProject {
  /** Docker Compose's name for it. */
  name: string;
  /** The database's service; absent when the database is elsewhere. `setting`: takes the volume; `image`: its image. */
  database?: {
    service: string;
    folder: string;
    volume: string;
    databaseName: string;
    setting: string;
    image: string;
  };
  /** The message broker's service, whose volume stays behind. */
  broker?: { service: string; folder: string; volume: string };
}

/** What was found in an existing installation, as a stack's settings. */
export interface ImportedSystem {
  /** The system's settings; may be invalid, as the installation's may be. */
  settings: Record<string, unknown>;
  /** The secrets by their flat keys; a group of secrets as an object of its own. */
  secrets: Record<string, unknown>;
  taken: Taken[];
  left: Left[];
  differences: Difference[];
  /** What somebody should know, each a sentence. */
  remarks: string[];
  compose: ComposeProject;
}

/** An existing installation, as it is read. */
export interface ExistingInstallation {
  variables: readonly Variable[];
  /** The text of its own configuration file. @default it is not at hand, and only the variables are taken over */
  configText?: string | undefined;
  /** @default now */
  now?: Date;
}

/** How a system takes an existing installation over. */
export interface Importer {
  /** The system's own name, such as `CamCOPS`. */
  title: string;
  /** A line of an installation's settings file. */
  example: string;
  /** Whether a variable is the system's by its name. */
  isVariable: (name: string) => boolean;
  /** Where the installation's configuration file is by its variables; undefined where they do not tell. */
  configFile: (variables: readonly Variable[]) => string | undefined;
  /** Finds the settings of a stack that is equal to the installation. Changes nothing. */
  read: (installation: ExistingInstallation) => Promise<ImportedSystem>;
}
