"""What a test reads in a mail."""

from email.message import EmailMessage


def token_in(mail: EmailMessage) -> str:
    """The token of a verification mail."""
    [line] = [line for line in mail.get_content().splitlines() if line.startswith("Token: ")]
    return str(line.removeprefix("Token: "))
