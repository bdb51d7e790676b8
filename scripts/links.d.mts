export function linksOf(text: string): string[]
