// How long to wait before something that has failed is tried again. Pure, but for chance.

/** The first wait and the longest, in milliseconds: with the time after which silence is noticed, a
 * stream has moved on within ten seconds. */
const FIRST = 250;
const LONGEST = 4000;

export class Backoff {
  private wait = FIRST;

  constructor(private readonly chance: () => number = Math.random) {}

  /** The next wait: from half of what it may be, so that not all browsers come at once. */
  next(): number {
    const wait = this.wait;
    this.wait = Math.min(LONGEST, wait * 2);
    return wait * (0.5 + this.chance() / 2);
  }

  reset(): void {
    this.wait = FIRST;
  }
}
