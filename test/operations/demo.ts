import { parseGlobalId } from '../../src/ids.ts';

/** Things of the demo market by their ids, which are the same in every one; the seller is Kickoff Metrics. */
export const assets = {
  homeAdvantage: 'QXNzZXQ6MDE5NDAwNTctZDVhNS03ZWVkLThmMjUtYTFlNGFmZTcwZmQw',
  goalsPerMatch: 'QXNzZXQ6MDE5NDAwMmQtOTNlOC03NTA4LTg1NTUtOTk2ZWYwNWRlMjcw',
  clubBudgets: 'QXNzZXQ6MDE5NDAwYzAtZjJkOC03MGVhLTgwODctZmRiOTNmMGZlZDEx',
  /** Of another seller. */
  grossMargin: 'QXNzZXQ6MDE5NDAwOWItOTkxMi03YmIwLThkODQtZWQ3NTdmNWMxMDFl',
};

export const company = 'Q29tcGFueTowMTk0MDAxOC0zN2Y3LTdlZDAtODM2MS03ZTYwY2VlZTk0NWY';

export const endpoints = {
  matchResults: 'RW5kcG9pbnQ6MDE5NDAwMjAtMzA1MC03YTllLThkNzEtMDg5ZWM3MTJkY2Ey',
};

export const connection = 'Q29ubmVjdGlvbjowMTk0MDBjNC01ZjU1LTcxYWQtODhjOS1lOTMyOGQyNmZhOTU';

export const integration = 'SW50ZWdyYXRpb246MDE5NDAwZDItYmRjOC03ZTFjLTg3MTktNGFiYTRlZWRjNmE2';

export const users = {
  owner: 'VXNlcjowMTk0MDBmZC1jODk4LTc0NGMtOGU2Yi1lMzBkN2ViYTQxYzk',
  analyst: 'VXNlcjowMTk0MDBmMy1iYjNjLTc0YTMtOGFkNy05OGFkMzk2ZDRkYjE',
};

export const posts = {
  strikeRate: 'UG9zdDowMTk0MDA0Ny1kMjI1LTdlNjAtODI5Yi1jNmZkNmYwYWMxOTc',
  draft: 'UG9zdDowMTk0MDBiMi04MjEyLTcwY2YtODczNS01YjQ5ZWI5MjRjZTc',
};

export const prices = {
  /** The first price that the club budgets had. */
  firstOfClubBudgets: 'UHJpY2U6MDE5NDAwNzYtY2YxNS03MjU0LTg4MGQtY2ZhYTRjMmM3ODkx',
};

/** The key of a row within its opaque id. */
export const keyOf = (id: string): string => parseGlobalId(id)?.key ?? '';

/** Reference data. */
export const reference = {
  provider: 'Q2xvdWRQcm92aWRlcjoxMg',
  engine: 'U3RvcmFnZUVuZ2luZTo0OA',
  jobFunction: 'Sm9iRnVuY3Rpb246Mg',
  useCase: 'QXNzZXRVc2VDYXNlOjEz',
  industry: 'SW5kdXN0cnk6MTc',
};
