/**
 * Decides when tasks run. It keeps nothing on disk: a task is asked to run for its last due time when the agent starts, and finds out
 * itself, from the repository, whether that was done. So runs that were missed are caught up once.
 */
import { Failure, type FailureCode } from "../lib/failure";
import type { Schedule } from "./schedule";

export interface Clock {
  now(): Date;
  /** Waits so many milliseconds; returns early when the signal is aborted. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** What a run came to; a run that fails throws. `absent`: there is nothing to do here now, but there may be later. */
export type Outcome = "done" | "absent";

export interface Task {
  /** Tasks of one job never run at the same time. */
  readonly job: string;
  readonly kind: "backup" | "verify" | "restoreTest";
  readonly schedule: Schedule;
  /** Milliseconds. */
  readonly retry: { readonly first: number; readonly most: number; readonly for: number };
  /** Does what is due, unless it is done already. */
  run(due: Date, signal: AbortSignal): Promise<Outcome>;
}

/** What the scheduler tells. */
export interface Observer {
  /** A run failed, and will be tried again at that time. */
  retrying(task: Task, error: Failure, at: Date): void;
  /** A run failed for good: what is due next will be tried. */
  failed(task: Task, error: unknown): void;
}

interface Pending {
  readonly due: Date;
  readonly notBefore: Date;
  /** Attempts that failed, and when the first of them began. */
  readonly failures: number;
  readonly firstFailure?: { readonly at: Date; readonly error: Failure };
}

interface State {
  readonly task: Task;
  next: Date | undefined;
  /** Milliseconds from the due time before `next`; undefined where there was none. */
  period: number | undefined;
  pending: Pending | undefined;
}

/** Failures that can pass without anybody's doing. */
const passing: ReadonlySet<FailureCode> = new Set([
  ...(["docker-unreachable", "docker-failed"] as const),
  ...(["container-not-found", "container-not-running", "container-lost"] as const),
  ...(["server-not-ready", "server-not-found", "connection-refused", "server-error", "dump-failed"] as const),
  ...(["archive-incomplete", "lock-timeout", "tables-changing", "standby-conflict"] as const),
  "backup-in-progress",
  ...(["s3-unreachable", "s3-failed", "upload-failed", "run-died"] as const),
]);

/** While a source is absent, it is looked for so often; milliseconds. */
const lookAgain = 15_000;

/** The clock of a machine can be set, and a machine can sleep: then a wait ends late. */
const longestWait = 60_000;

export class Scheduler {
  private states: State[] = [];
  private readonly running = new Map<string, Promise<void>>();
  private wake = new AbortController();
  private looked: Date;

  constructor(
    private readonly clock: Clock,
    private readonly observer: Observer,
    private atOnce: number,
  ) {
    this.looked = clock.now();
  }

  /** Sets or replaces the tasks. Runs that are at work go on; a task that stays as it was keeps what it is to do. */
  use(tasks: readonly Task[], atOnce: number): void {
    const now = this.clock.now();
    this.atOnce = atOnce;
    this.states = tasks.map((task) => {
      const due = task.schedule.last(now);
      const pending = due === undefined ? undefined : { due, notBefore: now, failures: 0 };
      const next = task.schedule.next(now);
      return { task, next, period: between(due, next), pending };
    });
    this.wake.abort();
  }

  /** Whether it looked at its tasks as late as it should have. */
  isAlive(): boolean {
    return this.clock.now().getTime() - this.looked.getTime() <= 2 * longestWait;
  }

  /** When each task is due next, and how long after the time before that. */
  due(): Pick<State, "task" | "next" | "period">[] {
    return this.states.map(({ task, next, period }) => ({ task, next, period }));
  }

  /** Runs what is due until the signal is aborted; then waits until the runs, which get the signal too, have ended. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.wake = new AbortController();
      const now = this.clock.now();
      this.looked = now;
      for (const state of this.states) this.look(state, now);
      this.start(now, signal);
      await this.clock.sleep(this.untilNext(now), AbortSignal.any([signal, this.wake.signal]));
    }
    await Promise.all(this.running.values());
  }

  private look(state: State, now: Date): void {
    if (state.next === undefined || state.next > now) return;
    const { task, pending } = state;
    // What was tried in vain is not tried any more: the new due time takes its place.
    if (pending?.firstFailure !== undefined) this.observer.failed(task, pending.firstFailure.error);
    const following = task.schedule.next(state.next);
    const missed = following !== undefined && following <= now;
    const due = missed ? (task.schedule.last(now) ?? state.next) : state.next;
    state.pending = { due, notBefore: now, failures: 0 };
    state.next = missed ? task.schedule.next(now) : following;
    state.period = between(due, state.next);
  }

  private start(now: Date, signal: AbortSignal): void {
    if (this.running.size >= this.atOnce) return;
    // With many jobs, nearly all wait for a later time.
    const ready = this.states.filter(({ pending }) => pending !== undefined && pending.notBefore <= now);
    ready.sort((one, other) => dueTime(one) - dueTime(other));
    for (const state of ready) {
      if (this.running.size >= this.atOnce) return;
      const { job } = state.task;
      if (state.pending === undefined || this.running.has(job)) continue;
      const ended = this.attempt(state, state.pending.due, now, signal).finally(() => {
        this.running.delete(job);
        this.wake.abort();
      });
      this.running.set(job, ended);
    }
  }

  private async attempt(state: State, due: Date, began: Date, signal: AbortSignal): Promise<void> {
    const { task } = state;
    const taken = state.pending;
    state.pending = undefined;
    // What became due during the run stays; otherwise this is what is left to do.
    const isDueAgain = () => state.pending !== undefined;
    const again = (pending: Pending) => {
      if (!isDueAgain()) state.pending = pending;
    };
    const { failures = 0, firstFailure } = taken ?? {};
    try {
      if ((await task.run(due, signal)) === "done") return;
      again({ due, notBefore: this.later(lookAgain), failures, ...(firstFailure && { firstFailure }) });
    } catch (error) {
      if (signal.aborted) return;
      const first = firstFailure?.at ?? began;
      const wait = Math.min(task.retry.first * 2 ** failures, task.retry.most);
      const at = this.later(wait);
      const canPass = error instanceof Failure && passing.has(error.code);
      if (canPass && at.getTime() - first.getTime() <= task.retry.for && !isDueAgain()) {
        again({ due, notBefore: at, failures: failures + 1, firstFailure: { at: first, error } });
        this.observer.retrying(task, error, at);
      } else this.observer.failed(task, error);
    }
  }

  private later(milliseconds: number): Date {
    return new Date(this.clock.now().getTime() + milliseconds);
  }

  private untilNext(now: Date): number {
    const busy = this.running.size >= this.atOnce;
    let wait = longestWait;
    for (const { task, next, pending } of this.states) {
      if (next !== undefined) wait = Math.min(wait, next.getTime() - now.getTime());
      // What waits for another run is started when that ends.
      if (pending !== undefined && !busy && !this.running.has(task.job))
        wait = Math.min(wait, pending.notBefore.getTime() - now.getTime());
    }
    return Math.max(0, wait);
  }
}

function between(due: Date | undefined, next: Date | undefined): number | undefined {
  return due === undefined || next === undefined ? undefined : next.getTime() - due.getTime();
}

const dueTime = ({ pending }: State): number => pending?.due.getTime() ?? 0;
