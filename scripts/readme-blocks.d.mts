export function readmes(root: string): string[]
export function guides(root: string): string[]
