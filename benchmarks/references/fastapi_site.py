"""An async FastAPI application with SQLModel and asyncpg, as its documentation writes them.

Environment: DATABASE_URL (`postgresql://…`). ASGI application: `app`.
"""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import jwt
from fastapi import Depends, FastAPI, HTTPException, Query, status
from fastapi.security import OAuth2PasswordBearer
from pwdlib import PasswordHash
from pydantic import BaseModel
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlmodel import Field, SQLModel, or_, select

KEY = "x" * 50
engine = create_async_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=8)
hasher = PasswordHash.recommended()
app = FastAPI()


class User(SQLModel, table=True):
    """An account."""

    __tablename__ = "users"
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    email: str = Field(unique=True, index=True)
    full_name: str = ""
    hashed_password: str
    is_active: bool = True
    is_superuser: bool = False
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC), index=True)


class UserPublic(BaseModel):
    """What is shown of an account."""

    id: uuid.UUID
    email: str
    full_name: str
    is_active: bool
    is_superuser: bool
    created_at: datetime


class Credentials(BaseModel):
    """What a person signs in and registers with."""

    email: str
    password: str
    full_name: str = ""


async def session() -> AsyncIterator[AsyncSession]:
    """Open a session for a request."""
    async with AsyncSession(engine) as opened:
        yield opened


Db = Annotated[AsyncSession, Depends(session)]
Token = Annotated[str, Depends(OAuth2PasswordBearer(tokenUrl="login"))]


async def current_user(db: Db, token: Token) -> User:
    """Return the user whom the token names."""
    try:
        key = jwt.decode(token, KEY, algorithms=["HS256"])["sub"]
    except jwt.InvalidTokenError:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED) from None
    user = await db.get(User, uuid.UUID(key))
    if user is None or not user.is_active:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED)
    return user


Current = Annotated[User, Depends(current_user)]


@app.get("/me", response_model=UserPublic)
async def me(user: Current) -> Any:
    """Return one's own account."""
    return user


@app.post("/login")
async def login(db: Db, body: Credentials) -> dict[str, str]:
    """Sign in."""
    user = (await db.execute(select(User).where(User.email == body.email))).scalar_one_or_none()
    if user is None or not await asyncio.to_thread(hasher.verify, body.password, user.hashed_password):
        raise HTTPException(status.HTTP_401_UNAUTHORIZED)
    expires = datetime.now(UTC) + timedelta(hours=10)
    return {"access": jwt.encode({"sub": str(user.id), "exp": expires}, KEY, algorithm="HS256")}


@app.post("/register", response_model=UserPublic, status_code=201)
async def register(db: Db, body: Credentials) -> Any:
    """Create an account."""
    if (await db.execute(select(User).where(User.email == body.email))).scalar_one_or_none():
        raise HTTPException(status.HTTP_400_BAD_REQUEST)
    hashed = await asyncio.to_thread(hasher.hash, body.password)
    user = User(email=body.email, full_name=body.full_name, hashed_password=hashed)
    db.add(user)
    await db.commit()
    await db.refresh(user)
    return user


@app.get("/users", response_model=dict[str, list[UserPublic] | int])
async def users(
    db: Db, caller: Current, skip: int = 0, limit: Annotated[int, Query(le=100)] = 25, search: str = ""
) -> Any:
    """Return a page of accounts, and their number."""
    if not caller.is_superuser:
        raise HTTPException(status.HTTP_403_FORBIDDEN)
    chosen = select(User)
    if search:
        chosen = chosen.where(or_(User.email.ilike(f"%{search}%"), User.full_name.ilike(f"%{search}%")))
    count = (await db.execute(select(func.count()).select_from(chosen.subquery()))).scalar_one()
    page = (await db.execute(chosen.order_by(User.created_at.desc()).offset(skip).limit(limit))).scalars().all()
    return {"data": page, "count": count}


if __name__ == "__main__":

    async def main() -> None:
        """Create the tables, and print a hash of the benchmark's password."""
        async with engine.begin() as connection:
            await connection.run_sync(SQLModel.metadata.create_all)
        print(hasher.hash(os.environ["BENCHMARK_PASSWORD"]))

    asyncio.run(main())
