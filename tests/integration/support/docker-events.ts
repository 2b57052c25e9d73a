import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type Docker from "dockerode";

interface DockerEvent {
  Type: string;
  Action: string;
  Actor: { Attributes: Record<string, string> };
}

/** What Docker tells of the containers, networks and volumes of one name, while it is watched. */
export class DockerEvents {
  /** All events up to now, such as `container start slw1-web`. */
  readonly seen: readonly string[];
  readonly #stream: Readable;
  #listener: () => void = () => undefined;

  /** Begins to watch what has a name that begins so. */
  static async of(client: Docker, prefix: string): Promise<DockerEvents> {
    return new DockerEvents((await client.getEvents()) as unknown as Readable, prefix);
  }

  private constructor(stream: Readable, prefix: string) {
    const seen: string[] = [];
    this.seen = seen;
    this.#stream = stream;
    createInterface({ input: stream }).on("line", (line) => {
      const { Type: type, Action: action, Actor: actor } = JSON.parse(line) as DockerEvent;
      const name = actor.Attributes["name"] ?? "";
      // Health checks run by the clock and not by the deployment's progress.
      if (!name.startsWith(prefix) || action.startsWith("exec_")) return;
      seen.push(`${type} ${action} ${name}`);
      this.#listener();
    });
  }

  /** Waits until so much has been seen. */
  until(isEnough: (seen: readonly string[]) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#listener = () => {
        if (isEnough(this.seen)) resolve();
      };
      this.#listener();
    });
  }

  close(): void {
    this.#stream.destroy();
  }
}
