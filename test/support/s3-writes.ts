import type { IncomingMessage } from "node:http";
import { startS3Proxy, type Trouble } from "./s3-proxy";

/** What a run did in a bucket. */
interface Writes {
  /** Keys of the data files whose content was sent from here, each once. */
  readonly sent: string[];
  /** Keys of data files that the server was asked to copy, each once. */
  readonly copied: string[];
  /** Keys of data files that were read, once for each time. */
  readonly read: string[];
}

/** Stands before an S3 server, and notes which data files are sent, and which the server copies itself. */
export async function noteWrites(
  endpoint: string,
  troubleOf: (request: IncomingMessage) => Trouble = () => undefined,
) {
  let [sent, copied] = [new Set<string>(), new Set<string>()];
  let read: string[] = [];
  const note = ({ method, url = "", headers }: IncomingMessage) => {
    const { pathname } = new URL(url, endpoint);
    if (!/\/\d+\.dat(\.\w+)?$/.test(pathname)) return;
    const key = decodeURIComponent(pathname).replace(/^\/[^/]+\//, "");
    if (method === "GET") read.push(key);
    else if (method === "PUT") (isCopy({ headers }) ? copied : sent).add(key);
  };
  const proxy = await startS3Proxy(endpoint, (request) => {
    const trouble = troubleOf(request);
    if (trouble === undefined) note(request);
    return trouble;
  });
  return {
    endpoint: proxy.endpoint,
    /** Since the last call. */
    writes(): Writes {
      const before = { sent: [...sent], copied: [...copied], read };
      [sent, copied, read] = [new Set(), new Set(), []];
      return before;
    },
    stop: () => {
      proxy.stop();
    },
  };
}

/** Whether a request asks the server to copy. */
export const isCopy = ({ headers }: Pick<IncomingMessage, "headers">): boolean =>
  headers["x-amz-copy-source"] !== undefined;
