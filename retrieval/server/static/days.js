// Dates as people write them, and the days of the timeline as sections. Plain functions.

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const parts = (day) => day.split("-").map(Number);
const named = (month) => MONTHS[month - 1] ?? "";

/** "2023-05" or "2023-05-01" as "May 2023", "2023" as it is; what is no date as "No date". */
export function monthTitle(day) {
  const [year, month] = parts(day);
  return named(month) ? `${named(month)} ${year}` : year ? String(year) : "No date";
}

/** "2023-05-01" as "Monday, 1 May 2023"; without the year if it is that of `today`. */
export function dayTitle(day, today = "") {
  const [year, month, date] = parts(day);
  if (!named(month) || !date) return monthTitle(day);
  if (day === today) return "Today";
  const weekday = WEEKDAYS[new Date(Date.UTC(year, month - 1, date)).getUTCDay()];
  return `${weekday}, ${date} ${named(month)}${year === parts(today)[0] ? "" : ` ${year}`}`;
}

/** Two days of a month as "3 – 12 May 2023", the earlier first. */
export function spanTitle(first, last, today = "") {
  if (first === last) return dayTitle(first, today);
  const [early, late] = [first, last].sort();
  const [year, month, date] = parts(late);
  if (!named(month) || !parts(early)[2]) return monthTitle(late);
  return `${parts(early)[2]} – ${date} ${named(month)}${year === parts(today)[0] ? "" : ` ${year}`}`;
}

/** Two dates as the months from one to the other: "May 2023", "May 2023 – June 2024"; "" for none. */
export function spanOf(first, last) {
  const [from, until] = [first, last].map((date) => (date ? monthTitle(date) : ""));
  return from === until ? from : `${from} – ${until}`;
}

/** An ISO date and time as "1 May 2023, 12:30". */
export function whenTitle(date) {
  const [day, time = ""] = date.split("T");
  const [year, month, number] = parts(day);
  if (!named(month) || !number) return day ? monthTitle(day) : "";
  return `${number} ${named(month)} ${year}${time ? `, ${time.slice(0, 5)}` : ""}`;
}

/** Today's date as in the catalogue. */
export function todayIs(now = new Date()) {
  return [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

/**
 * Sections {first, title, month} of days [day, count] in their order. Neighbouring days of a month
 * that have fewer than `few` pictures together share a section, so that sparse days do not become
 * a column of single pictures.
 */
export function sectionsOf(days, few, today = todayIs()) {
  const found = [];
  let first = 0;
  let open = null; // {first, count, from, to, month}
  const close = () => { if (open) found.push({ first: open.first, title: spanTitle(open.from, open.to, today), month: open.month }); };
  for (const [day, count] of days) {
    const month = day.slice(0, 7);
    if (open && open.month === month && open.count + count <= few) {
      open.count += count;
      open.to = day;
    } else {
      close();
      open = { first, count, from: day, to: day, month };
    }
    first += count;
  }
  close();
  return found;
}
