// The datasets name the same emotions differently; colour and position follow the emotion, the text the label.

const ORDER = ["anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"];
const SAME = { angry: "anger", happy: "happiness", sad: "sadness" };

/** The emotion a label stands for: "angry", "anger" and "Anger" are one. Labels of other kinds are "other". */
export function emotionOf(label) {
  const word = label.toLowerCase();
  const emotion = SAME[word] ?? word;
  return ORDER.includes(emotion) ? emotion : "other";
}

/** Labels in the page's order, which is the same for every dataset. */
export function inOrder(labels) {
  const rank = (label) => (ORDER.indexOf(emotionOf(label)) + ORDER.length + 1) % (ORDER.length + 1);
  return [...labels].sort((one, other) => rank(one) - rank(other));
}
